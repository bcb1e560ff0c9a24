"""The Telemetry API and the Logs API as a real extension meets them: its own process, its listener, and a sandbox it belongs to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime_api.protocol.function.function import Function
from tests.runtime_api.conftest import Script
from tests.runtime_api.living_sandbox import LivingSandbox
from tests.runtime_api.runtime_scripts import external_extension
from tests.runtime_api.sandbox.conftest import StartIn
from tests.runtime_api.telemetry.real_listener import RealListener
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until

# Subscribes before it asks for its first event, and says what it was told.
SUBSCRIBER = """
    def subscribe(path="/2022-07-01/telemetry", schema="2025-01-29", method="PUT", who=None):
        body = json.dumps({
            "schemaVersion": schema, "types": ["platform", "function", "extension"],
            "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{os.environ['PORT']}/path"},
        })
        head = f"{method} {path} HTTP/1.1\\r\\nContent-Length: {len(body)}\\r\\n{who or me}\\r\\n"
        extension.send(head.encode() + body.encode())
        status, headers, body = extension.answer()
        return status, body.decode().strip()

    register("INVOKE", "SHUTDOWN")
    """
NEXT = """
    while next_event()["eventType"] != "SHUTDOWN":
        say("seen")
    """


@pytest.fixture
async def listener() -> AsyncIterator[RealListener]:
    """Where the extension has its events sent."""
    listener = RealListener()
    await listener.open()
    yield listener
    await listener.close()


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """The folder that stands for /opt."""
    return tmp_path / "opt"


def speaking(script: Script, listener: RealListener) -> Function:
    """A function that prints a line, and whose extension knows the listener's port."""
    source = """
        api = Api()
        while True:
            event = api.next()
            say("called")
            api.respond(*event)
        """
    return script(source, environment={"PORT": str(listener.port)})


async def delivered(living: LivingSandbox, clock: VirtualClock, listener: RealListener, last: str) -> list[str]:
    """Let time pass until an event of this type has arrived; the types of all."""

    def has_arrived() -> bool:
        clock.advance(100)
        return any(event["type"] == last for event in listener.events)

    await until(has_arrived)
    return [event["type"] for event in listener.events]


async def test_an_invocation_as_a_subscriber_sees_it(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock, listener: RealListener
) -> None:
    """Early events first, then its own subscription, the invocation with its spans, and the line the function printed."""
    external_extension(opt, "watcher", f"{SUBSCRIBER}assert subscribe() == (200, '\"OK\"')\n{NEXT}")
    living = await start_in(speaking(script, listener), opt)
    await living.invoke(b'"four"')
    types = await delivered(living, clock, listener, "platform.report")
    assert [kind for kind in types if kind not in ("extension", "platform.extension")] == [
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        "function",
        "platform.runtimeDone",
        "platform.report",
    ]
    records = {event["type"]: event["record"] for event in listener.events}
    done, report = records["platform.runtimeDone"], records["platform.report"]
    assert done["metrics"]["producedBytes"] == len(b'"four"')
    assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    assert [span["name"] for span in report["spans"]] == ["extensionOverhead"]
    assert records["function"] == "called\n"


async def test_what_waits_is_sent_before_the_end(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock, listener: RealListener
) -> None:
    """The last events reach a subscriber that is told to leave; nothing had been due before."""
    external_extension(opt, "watcher", f"{SUBSCRIBER}subscribe()\n{NEXT}")
    living = await start_in(speaking(script, listener), opt)
    await living.invoke()
    await living.idle()
    assert listener.requests == []
    await living.sandbox.stop()
    assert listener.events[-1]["type"] in ("platform.report", "extension")


async def test_a_listener_that_says_nothing_is_not_waited_for(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock, listener: RealListener
) -> None:
    """It costs half of the time there is for leaving; the rest is the extension's, which still hears of the end."""
    external_extension(opt, "watcher", f"{SUBSCRIBER}subscribe()\n{NEXT}say('leaving')")
    listener.answers = [b""]
    living = await start_in(speaking(script, listener), opt)
    await living.invoke()
    await living.idle()
    living.sandbox.dismiss()
    await until(lambda: listener.requests)
    clock.advance(1000)
    await living.said(b"leaving\n")
    await living.sandbox.stop()


async def test_the_calls_that_are_refused(
    script: Script, start_in: StartIn, opt: Path, clock: VirtualClock, listener: RealListener
) -> None:
    """Other methods, other paths, nobody known; and after init everybody. Both APIs share the rules, with or without a slash."""
    external_extension(
        opt,
        "watcher",
        f"""{SUBSCRIBER}
    stranger = "Lambda-Extension-Identifier: 3f2504e0-4f89-41d3-9a0c-0305e82c3301\\r\\n"
    say(subscribe(method="POST")[0], subscribe("/2022-07-01/telemetry/more")[0], *subscribe(who=stranger))
    say(*subscribe(schema="2019-01-01"))
    say(*subscribe("/2020-08-15/logs/", "2021-03-18"))
    say(*subscribe("/2022-07-01/telemetry/"))
    next_event()
    say(*subscribe("/2020-08-15/logs"))
    ask_event()
    extension.answer()
    """,
    )
    living = await start_in(speaking(script, listener), opt)
    await living.invoke()
    await living.said(b"Logs.SubscriptionClosed")
    assert "405 404 403" in living.lines[0]
    assert "Extension.UnknownExtensionIdentifier" in living.lines[0]
    assert living.lines[1].startswith("400")
    assert "LOGS\tName: watcher\tState: Subscribed\tTypes: [Platform, Function, Extension]" in living.lines
    assert '200 "OK"' in living.lines
    assert any(line.startswith("400") and "is subscribed to the Logs API already" in line for line in living.lines)
