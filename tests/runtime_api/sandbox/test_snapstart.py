"""SnapStart with real processes: init up to the snapshot, restore before the first invocation, and how each can fail."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invoke.errors import SnapStartFailed, SnapStartTimeout
from runtime_api.sandbox.sandbox import SandboxState
from runtime_api.telemetry.events import Event, Report, RestoreReport, RestoreRuntimeDone, RestoreStart
from tests.runtime_api.conftest import Script
from tests.runtime_api.fake_runtime import API, REQUEST_ID, FakeRuntime
from tests.runtime_api.living_sandbox import LivingSandbox, answered
from tests.runtime_api.runtime_scripts import ECHO
from tests.runtime_api.sandbox.conftest import Start
from tests.runtime_api.virtual_clock import VirtualClock

START = f"START RequestId: {REQUEST_ID} Version: $LATEST"
END = f"END RequestId: {REQUEST_ID}"

# Waits for its restore, takes as long for its hooks as the test wants, and answers.
RESTORED = """
    api = Api()
    def restore_next():
        api.send(b"GET /2018-06-01/runtime/restore/next HTTP/1.1\\r\\n\\r\\n")
        return api.answer()
    say("in init")
    status, _, body = restore_next()
    say("restored", status, len(body))
    while not os.path.exists("go"):
        pass
    while True:
        api.respond(*api.next())
    """

# Asks for its zone before the restore and after it, and answers with how long each may be kept.
ASKING_TWICE = """
    api, other = Api(), Api()
    token = os.environ["AWS_LAMBDA_METADATA_TOKEN"].encode()
    def cache_control():
        other.send(b"GET /2026-01-15/metadata/execution-environment HTTP/1.1\\r\\nAuthorization: Bearer " + token + b"\\r\\n\\r\\n")
        return other.answer()[1]["cache-control"]
    before = cache_control()
    api.send(b"GET /2018-06-01/runtime/restore/next HTTP/1.1\\r\\n\\r\\n")
    api.answer()
    api.respond(api.next()[0], f"{before} {cache_control()}".encode())
    api.next()
    """

# Waits for its restore, and cannot go on after it.
BROKEN = """
    api = Api()
    api.send(b"GET /2018-06-01/runtime/restore/next HTTP/1.1\\r\\n\\r\\n")
    api.answer()
    api.post("PATH/error", b"{}", "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError\\r\\n")
    say("told", api.answer()[0])
    sys.exit(65)
    """


def snapstart(script: Script, source: str, **options: object) -> Function:
    """A function whose sandboxes are restored."""
    return script(source, init_type="snap-start", **options)


def release(living: LivingSandbox) -> None:
    """Let the runtime's hooks be over."""
    Path(living.function.task_root, "go").touch()


def recorded(living: LivingSandbox) -> list[Event]:
    """What is published from now on."""
    events: list[Event] = []
    living.sandbox._stream.subscribe(events.append)
    return events


def report(duration: str, billed: int, more: str = "") -> str:
    """A REPORT line."""
    return (
        f"REPORT RequestId: {REQUEST_ID}\tDuration: {duration} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: 128 MB\tMax Memory Used: N MB\t{more}"
    )


async def test_what_is_learned_before_the_snapshot_is_not_kept_for_long(script: Script, start: Start) -> None:
    """The zone may be another one after the restore: the metadata endpoint says a minute until then, and half a day from then on."""
    living = await start(snapstart(script, ASKING_TWICE))
    await living.idle()
    assert (await living.invoke()).body == b"private, max-age=60 private, max-age=43200, immutable"


async def test_the_first_invocation_restores(script: Script, start: Start, clock: VirtualClock) -> None:
    """Init is over at restore/next; the restore takes the time of the hooks, is billed, and is the first invocation's alone."""
    living = await start(snapstart(script, RESTORED))
    await living.idle()
    assert living.lines == ["in init", "INIT_REPORT Init Duration: 0.00 ms"]
    call = living.calling(b"1")
    await living.said(b"restored 200 0")
    assert living.sandbox.state is SandboxState.RESTORE
    clock.advance(300.25)
    release(living)
    assert (await answered(call)).body == b"1"
    await living.idle()
    assert (await living.invoke(b"2")).body == b"2"
    await living.idle()
    assert living.lines[2:] == [
        "restored 200 0",
        "RESTORE_REPORT Restore Duration: 300.25 ms",
        START,
        END,
        report("0.00", 301, "Restore Duration: 300.25 ms\tBilled Restore Duration: 301 ms\t"),
        START,
        END,
        report("0.00", 0),
    ]


async def test_an_invocation_that_waits_for_init_restores(script: Script, start: Start) -> None:
    """The snapshot is taken and taken up again without a pause."""
    living = await start(snapstart(script, RESTORED))
    release(living)
    assert (await living.invoke(b"1")).body == b"1"


async def test_the_events_of_a_restore(script: Script, start: Start) -> None:
    """Start, runtime done and report, before the invocation's own."""
    living = await start(snapstart(script, RESTORED))
    release(living)
    await living.idle()
    events = recorded(living)
    await living.invoke()
    await living.idle()
    kinds = [type(event.record).__name__ for event in events if type(event.record).__name__ != "FunctionLine"]
    assert kinds == ["RestoreStart", "RestoreRuntimeDone", "RestoreReport", "Start", "RuntimeDone", "Report"]


async def test_a_runtime_that_knows_no_restore(script: Script, start: Start) -> None:
    """It waits in next, is restored there in no time, and gets its event."""
    living = await start(snapstart(script, ECHO))
    await living.idle()
    events = recorded(living)
    assert (await living.invoke(b"1")).body == b"1"
    await living.idle()
    kinds = (RestoreStart, RestoreRuntimeDone, RestoreReport, Report)
    assert [type(event.record) for event in events if isinstance(event.record, kinds)] == list(kinds)


async def test_a_restore_that_takes_too_long(script: Script, start: Start, clock: VirtualClock) -> None:
    """After ten seconds the caller is told so; the function never saw the event."""
    living = await start(snapstart(script, RESTORED))
    await living.idle()
    call = living.calling()
    await living.said(b"restored")
    clock.advance(9_999)
    assert living.sandbox.state is SandboxState.RESTORE
    clock.advance(1)
    with pytest.raises(SnapStartTimeout):
        await answered(call)
    await living.ended()
    assert living.lines[-2:] == ["restored 200 0", "RESTORE_REPORT Restore Duration: 10000.00 ms\tStatus: timeout"]


@pytest.mark.parametrize("path", ["restore", "init"])
async def test_a_hook_that_fails_after_the_restore(script: Script, start: Start, path: str) -> None:
    """restore/error, and init/error as well, end the sandbox; the caller reads the service's words."""
    living = await start(snapstart(script, BROKEN.replace("PATH", path)))
    with pytest.raises(SnapStartFailed):
        await living.invoke()
    await living.ended()
    assert living.lines[-2:] == [
        "told 202",
        "RESTORE_REPORT Restore Duration: 0.00 ms\tStatus: error\tError Type: Runtime.AfterRestoreError",
    ]


async def test_an_exit_after_the_restore(script: Script, start: Start) -> None:
    """A runtime that says nothing failed all the same."""
    living = await start(
        snapstart(
            script,
            """
            api = Api()
            api.send(b"GET /2018-06-01/runtime/restore/next HTTP/1.1\\r\\n\\r\\n")
            api.answer()
            sys.exit(3)
            """,
        )
    )
    with pytest.raises(SnapStartFailed):
        await living.invoke()
    await living.ended()
    assert living.lines[-1].endswith("Status: error\tError Type: Runtime.ExitError")


async def test_a_failed_init_is_run_again_and_restored(script: Script, start: Start) -> None:
    """As everywhere: a second time within the invocation that waited, which is then restored."""
    once = 'if not os.path.exists("once"):\n        open("once", "w").close()\n        sys.exit(1)\n'
    living = await start(snapstart(script, RESTORED.replace('say("in init")', f'{once}    say("in init")')))
    release(living)
    assert (await living.invoke(b"1")).body == b"1"
    await living.idle()
    assert [line.split()[0] for line in living.lines] == [
        "INIT_REPORT", "START", "in", "INIT_REPORT", "restored", "RESTORE_REPORT", "END", "REPORT",
    ]  # fmt: skip


async def test_init_may_take_two_minutes(script: Script, start: Start, clock: VirtualClock) -> None:
    """130 seconds, where on demand it would be ten."""
    living = await start(snapstart(script, "signal.pause()"))
    clock.advance(129_999)
    assert living.sandbox.state is SandboxState.INIT
    clock.advance(1)
    assert living.lines == ["INIT_REPORT Init Duration: 130000.00 ms\tPhase: snap-start\tStatus: timeout"]


async def test_stopping_while_it_waits_for_its_restore(script: Script, start: Start) -> None:
    """Nothing is restored, and nothing is left."""
    living = await start(snapstart(script, RESTORED))
    await living.idle()
    await living.sandbox.stop()
    assert living.sandbox.state is SandboxState.ENDED


# the calls


async def test_on_demand_there_is_no_restore(script: Script, start: Start) -> None:
    """The paths are not served, and neither are credentials."""
    living = await start(script(ECHO))
    client = await FakeRuntime.connect(living.sandbox._endpoint.address)
    for path in ("/2018-06-01/runtime/restore/next", "/2021-04-23/credentials"):
        assert (await client.request("GET", path)).status == 404
    await client.close()


async def test_wrong_calls_are_refused(script: Script, start: Start) -> None:
    """By state with a 403 that names it, by method with a 405, by path with a 404; the restore goes on as if nothing had been."""
    living = await start(snapstart(script, RESTORED))
    release(living)
    await living.idle()
    client = await FakeRuntime.connect(living.sandbox._endpoint.address)
    for method, path, target in (
        ("GET", "restore/next", "RestoreReady"),
        ("GET", "invocation/next", "Ready"),
        ("POST", "restore/error", "RuntimeRestoreErrorState"),
        ("POST", "init/error", "InitError"),
    ):
        answer = await client.request(method, f"{API}/runtime/{path}")
        said = (
            f"State transition from RestoreReady to {target} failed for runtime. Error: State transition is not allowed"
        )
        assert (answer.status, json.loads(answer.body)["errorMessage"]) == (403, said)
    assert (await client.request("POST", f"{API}/runtime/restore/next")).headers["allow"] == "GET"
    assert (await client.request("GET", f"{API}/runtime/restore/error")).headers["allow"] == "POST"
    assert (await client.request("GET", f"{API}/runtime/restore/other")).status == 404
    await client.close()
    assert (await living.invoke(b"1")).body == b"1"


async def test_credentials_are_at_an_endpoint(script: Script, start: Start) -> None:
    """Where the environment says, for the token it has; for any other there are none."""
    source = """
        import json
        uri, token = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        assert uri == f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2021-04-23/credentials"
        api, other = Api(), Api()
        request_id, _ = api.next()
        found = []
        for shown in (f"Authorization: {token}\\r\\n", "Authorization: x\\r\\n", ""):
            other.send(f"GET /2021-04-23/credentials HTTP/1.1\\r\\n{shown}\\r\\n".encode())
            status, _, body = other.answer()
            found.append([status, body.decode()])
        api.respond(request_id, json.dumps(found).encode())
        api.next()
        """
    own = {"AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "secret"}
    living = await start(snapstart(script, source, environment=own))
    (status, body), *refused = json.loads((await living.invoke()).body)
    assert (status, json.loads(body)) == (
        200,
        {
            "AccessKeyId": "AKIAREAL",
            "SecretAccessKey": "secret",
            "Token": "",
            "Expiration": "2023-11-14T23:13:20.000Z",
        },
    )
    assert refused == [[404, "cannot get credentials for the provided token\n"]] * 2


async def test_a_caller_that_left_does_not_hear_of_a_failed_restore(script: Script, start: Start) -> None:
    """It is nobody's error then, and the sandbox still ends."""
    living = await start(snapstart(script, BROKEN.replace("PATH", "restore")))
    call = living.calling()
    await asyncio.sleep(0)
    call.cancel()
    await living.ended()
