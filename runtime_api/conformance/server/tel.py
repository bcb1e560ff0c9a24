"""TEL: the Telemetry API."""

from __future__ import annotations

import re
from typing import Any

from runtime_api.conformance.cases import MUST, SHOULD, Section, scenario
from runtime_api.conformance.server.err import ERROR
from runtime_api.conformance.server_stage.course import Course
from runtime_api.conformance.server_stage.extension import Extension
from runtime_api.conformance.server_stage.runtime import NOBODY
from runtime_api.conformance.server_stage.stage import Stage
from runtime_api.conformance.sources import TELEMETRY, TELEMETRY_EVENTS
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import HEADER_REQUEST_ID

TEL = Section("SV-TEL", "the Telemetry API", features=["extensions", "telemetry"])

SUBSCRIBES = "SV-TEL-001"
DELIVERS = "SV-TEL-002"
_LINE = "a line of the function: ä 🦜"
_OF_AN_INVOCATION = ("platform.start", "platform.runtimeDone", "platform.report")
_OF_INIT = ("platform.initStart", "platform.initRuntimeDone", "platform.initReport")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_EXTENSIONS = ("SV-EXT-001",)


@scenario("telemetry", lasts_s=2.5)
async def telemetry(stage: Stage) -> None:
    """Two extensions subscribe, one to all there is, one to the function's lines; one invocation goes well, one does not, one is left."""
    await stage.start()
    call = stage.invoke()
    runtime = await stage.runtime()
    all_of_it, some_of_it = Extension(runtime, "conformance-all"), Extension(runtime, "conformance-some")
    await all_of_it.register()
    await some_of_it.register()
    everything, port = await stage.listen(runtime)
    lines, other_port = await stage.listen(runtime)
    stage.keep("subscribed", await all_of_it.subscribe(port, ["platform", "function", "extension"]))
    stage.keep("subscribed too", await some_of_it.subscribe(other_port, ["function"]))
    for name in ("good", "bad"):
        await all_of_it.park()
        await some_of_it.park()
        event = await runtime.next()
        stage.fact(f"{name} id", event.header(HEADER_REQUEST_ID))
        await all_of_it.next()
        await some_of_it.next()
        await runtime.print(f"{_LINE} {name}")
        await (runtime.respond() if name == "good" else runtime.fail(ERROR))
        await runtime.park()
        await all_of_it.park()
        await some_of_it.park()
        await call
        call = stage.invoke()
    # A sandbox that is frozen between invocations takes nothing then: what is left comes with the next one.
    await runtime.next()
    stage.keep("late", await all_of_it.subscribe(port, ["platform"]))
    await everything.until(lambda: min(map(_types(everything.events).count, _OF_AN_INVOCATION)) >= 2, 2.0)
    await everything.until(lambda: _has_line(everything.events, "bad"), stage.pace.quiet_s)
    await lines.until(lambda: _has_line(lines.events, "bad"), stage.pace.quiet_s)
    stage.fact("bodies", everything.bodies)
    stage.fact("events", everything.events)
    stage.fact("lines", lines.events)


@scenario("telemetry-refused")
async def telemetry_refused(stage: Stage) -> None:
    """Subscriptions that cannot be."""
    await stage.start()
    stage.invoke()
    runtime = await stage.runtime()
    one = Extension(runtime, "conformance-one")
    await one.register()
    nobody = Extension(runtime)
    nobody.identifier = NOBODY
    stage.keep("nobody", await nobody.subscribe(4243, ["platform"]))
    elsewhere = {"protocol": "HTTP", "URI": "http://example.org:4243/"}
    stage.keep("elsewhere", await one.subscribe(4243, ["platform"], destination=elsewhere))
    stage.keep("unknown type", await one.subscribe(4243, ["nothing"]))
    stage.keep("buffering", await one.subscribe(4243, ["platform"], buffering={"timeoutMs": 1}))


@TEL.case(
    "SV-TEL-001",
    "subscribes",
    MUST,
    "D",
    refs=[TELEMETRY],
    needs=[telemetry],
    depends_on=_EXTENSIONS,
)
def subscribes(world: World, course: Course) -> None:
    """A subscription before the end of initialisation is answered 200."""
    for name in ("subscribed", "subscribed too"):
        world.check(course[name].status == 200, "200", course[name].story)


@TEL.case(
    "SV-TEL-002",
    "delivers",
    MUST,
    "D",
    refs=[TELEMETRY, TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=[SUBSCRIBES],
)
def delivers(world: World, course: Course) -> None:
    """Telemetry is delivered as JSON arrays of events, each with time, type and record."""
    bodies = course.fact("bodies", [])
    world.check(
        bodies and all(isinstance(body, list) for body in bodies),
        "requests with JSON arrays",
        bodies[:1] or "no request",
    )
    bad = [event for event in course.fact("events", []) if not {"time", "type", "record"} <= set(event)]
    world.check(not bad, "time, type and record in each event", bad[:1])


@TEL.case(
    "SV-TEL-003",
    "event-times",
    SHOULD,
    "D",
    refs=[TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=[DELIVERS],
)
def event_times(world: World, course: Course) -> None:
    """The time of an event is in ISO 8601, in UTC, with milliseconds."""
    times = [event.get("time") for event in course.fact("events", [])]
    bad = [time for time in times if not _TIME.fullmatch(str(time))]
    world.check(not bad, "times such as 2026-11-21T12:00:00.000Z", bad[:1])


@TEL.case(
    "SV-TEL-004",
    "invocation-events",
    MUST,
    "D",
    refs=[TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=[DELIVERS],
)
def invocation_events(world: World, course: Course) -> None:
    """An invocation makes a platform.start, a platform.runtimeDone and a platform.report, each with its request id."""
    for name in ("good", "bad"):
        seen = _types(_of(course, name))
        missing = [kind for kind in _OF_AN_INVOCATION if kind not in seen]
        world.check(not missing, f"{', '.join(_OF_AN_INVOCATION)} once each", f"without {', '.join(missing)}")


@TEL.case(
    "SV-TEL-005",
    "event-order",
    SHOULD,
    "D",
    refs=[TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=["SV-TEL-004"],
)
def event_order(world: World, course: Course) -> None:
    """The events of an invocation come in order, none of them twice."""
    for name in ("good", "bad"):
        seen = [kind for kind in _types(_of(course, name)) if kind in _OF_AN_INVOCATION]
        world.check(seen == list(_OF_AN_INVOCATION), ", ".join(_OF_AN_INVOCATION), ", ".join(seen))


@TEL.case(
    "SV-TEL-006",
    "event-status",
    MUST,
    "D",
    refs=[TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=["SV-TEL-004"],
)
def event_status(world: World, course: Course) -> None:
    """platform.runtimeDone has the status success, or error where the function reported one."""
    for name, allowed in (("good", ("success",)), ("bad", ("error", "failure"))):
        done = [event["record"] for event in _of(course, name) if event.get("type") == "platform.runtimeDone"]
        seen = [record.get("status") for record in done]
        world.check(seen and all(status in allowed for status in seen), f"status {' or '.join(allowed)}", seen)


@TEL.case(
    "SV-TEL-007",
    "report-metrics",
    SHOULD,
    "D",
    refs=[TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=["SV-TEL-004"],
)
def report_metrics(world: World, course: Course) -> None:
    """platform.report measures duration, billed duration, memory size and the most memory used."""
    names = ("durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB")
    for event in _of(course, "good"):
        if event.get("type") == "platform.report":
            metrics = event["record"].get("metrics")
            told = isinstance(metrics, dict) and all(isinstance(metrics.get(name), (int, float)) for name in names)
            world.check(told, f"numbers for {', '.join(names)}", metrics)


@TEL.case(
    "SV-TEL-008",
    "function-lines",
    MUST,
    "D",
    refs=[TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=[DELIVERS],
)
def function_lines(world: World, course: Course) -> None:
    """What the function prints is delivered as events of type function."""
    for name in ("good", "bad"):
        seen = [event.get("record") for event in course.fact("events", []) if event.get("type") == "function"]
        world.check(_has_line(course.fact("events", []), name), f"{_LINE} {name}", seen)


@TEL.case(
    "SV-TEL-009",
    "init-events",
    SHOULD,
    "D",
    refs=[TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=[DELIVERS],
)
def init_events(world: World, course: Course) -> None:
    """A subscriber is told of initialisation, though it subscribed in the middle of it."""
    seen = _types(course.fact("events", []))
    missing = [kind for kind in _OF_INIT if kind not in seen]
    world.check(not missing, ", ".join(_OF_INIT), f"without {', '.join(missing)}")


@TEL.case(
    "SV-TEL-010",
    "subscription-event",
    SHOULD,
    "D",
    refs=[TELEMETRY_EVENTS],
    needs=[telemetry],
    depends_on=[DELIVERS],
)
def subscription_event(world: World, course: Course) -> None:
    """A subscription makes a platform.telemetrySubscription with the extension's name, its state and the types."""
    events = course.fact("events", [])
    records = [event.get("record") for event in events if event.get("type") == "platform.telemetrySubscription"]
    names = [record.get("name") for record in records if isinstance(record, dict)]
    world.check("conformance-all" in names, "a platform.telemetrySubscription of conformance-all", records)


@TEL.case(
    "SV-TEL-011",
    "only-subscribed",
    MUST,
    "D",
    refs=[TELEMETRY],
    needs=[telemetry],
    depends_on=["SV-TEL-008"],
)
def only_subscribed(world: World, course: Course) -> None:
    """A subscriber gets the types it asked for and no others.

    It asked for those of the function.
    """
    seen = set(_types(course.fact("lines", [])))
    world.check(seen == {"function"}, "events of type function", ", ".join(sorted(seen)) or "no events")


@TEL.case(
    "SV-TEL-012",
    "subscription-closed",
    SHOULD,
    "R",
    refs=[TELEMETRY],
    needs=[telemetry],
    depends_on=[SUBSCRIBES],
)
def subscription_closed(world: World, course: Course) -> None:
    """A subscription after initialisation is answered 403, with the error type Telemetry.SubscriptionClosed."""
    answer = course["late"]
    is_named = answer.error_type == "Telemetry.SubscriptionClosed"
    world.check(answer.status == 403 and is_named, "403 Telemetry.SubscriptionClosed", answer.story)


@TEL.case(
    "SV-TEL-013",
    "subscriber-unknown",
    SHOULD,
    "R",
    refs=[TELEMETRY],
    needs=[telemetry_refused],
    depends_on=[SUBSCRIBES],
)
def subscriber_unknown(world: World, course: Course) -> None:
    """A subscription under an identifier that nobody was given is refused, with the error type Extension.UnknownExtensionIdentifier."""
    answer = course["nobody"]
    world.check(answer.is_refusal, "a refusal", answer.story)
    world.check(
        answer.error_type == "Extension.UnknownExtensionIdentifier",
        "Extension.UnknownExtensionIdentifier",
        answer.story,
    )


@TEL.case(
    "SV-TEL-014",
    "subscription-validated",
    SHOULD,
    "D",
    refs=[TELEMETRY],
    needs=[telemetry_refused],
    depends_on=[SUBSCRIBES],
)
def subscription_validated(world: World, course: Course) -> None:
    """A destination outside the sandbox, a type that does not exist and buffering out of bounds are answered 400, ValidationError."""
    for name in ("elsewhere", "unknown type", "buffering"):
        answer = course[name]
        is_named = answer.error_type == "ValidationError"
        world.check(answer.status == 400 and is_named, f"400 ValidationError ({name})", answer.story)


def _types(events: list[dict[str, Any]]) -> list[str]:
    return [str(event.get("type")) for event in events]


def _of(course: Course, name: str) -> list[dict[str, Any]]:
    wanted = course.fact(f"{name} id")
    records = [event for event in course.fact("events", []) if isinstance(event.get("record"), dict)]
    return [event for event in records if event["record"].get("requestId") == wanted]


def _has_line(events: list[dict[str, Any]], name: str) -> bool:
    return any(
        event.get("type") == "function" and str(event.get("record")).strip() == f"{_LINE} {name}" for event in events
    )
