"""Several invocations at once in one sandbox, with real processes whose workers are threads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import Outcome, OutcomeKind
from runtime_api.sandbox.managed_sandbox import POLL_GRACE_MS, ManagedSandbox, NobodyPolls
from runtime_api.sandbox.place import Place
from runtime_api.sandbox.sandbox import SandboxState
from runtime_api.sandbox.telling.outlets import Outlets
from tests.runtime_api.conftest import Script
from tests.runtime_api.fake_runtime import API, ARN, FakeRuntime, invocation
from tests.runtime_api.layered_place import layered_place
from tests.runtime_api.lone_place import lone_place
from tests.runtime_api.managed_scripts import WORKERS
from tests.runtime_api.runtime_scripts import external_extension
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import PATIENCE_S, until


class Managed:
    """A sandbox in a place, its log, and calls by name."""

    def __init__(self, function: Function, clock: VirtualClock, place: Place) -> None:
        self.function = function
        self.log = b""
        self.place = place
        self.ended_count = 0
        self.sandbox = ManagedSandbox(function, Account(), clock, place, self._on_ended, Outlets(self._on_log))

    def _on_ended(self, _sandbox: ManagedSandbox) -> None:
        self.ended_count += 1

    def _on_log(self, _name: str, text: bytes) -> None:
        self.log += text

    @property
    def records(self) -> list[dict[str, Any]]:
        """The platform's lines of the log."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith(b"{")]

    def calling(self, order: str = "", request_id: str = "", *, tail: bool = False) -> asyncio.Future[Outcome]:
        """A call under way, whose request id is its order unless it has another."""
        event = invocation(request_id or order or "id", f'"{order}"'.encode(), tail=tail)
        return self.sandbox.take(event)

    async def call(self, order: str = "", request_id: str = "", *, tail: bool = False) -> Outcome:
        """A call and its outcome."""
        return await answered(self.calling(order, request_id, tail=tail))

    def release(self, order: str) -> None:
        """Let the call that waits for this file be answered."""
        Path(self.function.task_root, order).touch()

    async def polled(self, count: int) -> None:
        """Wait until so many workers ask for more."""
        await until(lambda: self.sandbox._managed_endpoint.free == count)

    async def said(self, *words: bytes) -> None:
        """Wait until the log has all these words."""
        await until(lambda: all(word in self.log for word in words))

    async def close(self) -> None:
        """Leave nothing of it."""
        await self.sandbox.stop()
        await self.place.close()
        # Workers may have connected as it ended.
        await self.sandbox._endpoint.wait_until_disconnected()


async def answered(call: asyncio.Future[Outcome]) -> Outcome:
    """The outcome of a call under way."""
    return await asyncio.wait_for(call, PATIENCE_S)


Begin = Callable[..., Any]


@pytest.fixture
async def begin(script: Script, clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[Begin]:
    """Start sandboxes with three workers; no process outlives the test."""
    children_before = set(psutil.Process().children())
    begun: list[Managed] = []

    async def begin(source: str = WORKERS, opt: Path | None = None, **options: object) -> Managed:
        function = script(source, **{"max_concurrency": 3, **options})
        place = layered_place(function, clock, opt) if opt is not None else lone_place(function, clock)
        begun.append(Managed(function, clock, place))
        await begun[-1].sandbox.start()
        return begun[-1]

    yield begin
    for managed in begun:
        closing = asyncio.ensure_future(managed.close())
        while not closing.done():
            # Extensions have two seconds to leave.
            clock.advance(100)
            await asyncio.sleep(0.001)
        await closing
    assert set(psutil.Process().children()) <= children_before


async def test_several_at_once_answered_in_any_order(begin: Begin) -> None:
    """Each caller gets the answer of its own invocation, from one process."""
    managed = await begin()
    calls = {order: managed.calling(order) for order in ("a", "b", "c")}
    await managed.said(b"got a", b"got b", b"got c")
    pids = set()
    for order in ("b", "c", "a"):
        managed.release(order)
        pids.add((await answered(calls.pop(order))).body)
        assert not any(call.done() for call in calls.values())
    assert len(pids) == 1


async def test_the_first_poll_ends_init(begin: Begin) -> None:
    """One worker is enough: the others may still be on their way."""
    one = WORKERS.replace('int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"])', "1")
    managed = await begin(one)
    await managed.call()
    assert [record["type"] for record in managed.records] == [
        "platform.initReport",
        "platform.start",
        "platform.report",
    ]
    assert managed.records[0]["record"]["initializationType"] == "lambda-managed-instances"


async def test_what_is_told_of_an_invocation(begin: Begin) -> None:
    """As JSON: a start with the function's ARN, a report of its duration alone, and no runtimeDone."""
    managed = await begin()
    outcome = await managed.call(tail=True)
    start, report = managed.records[-2:]
    assert start["record"] == {"requestId": "id", "version": "$LATEST", "functionArn": ARN}
    spans = report["record"].pop("spans")
    assert [span["name"] for span in spans] == ["responseLatency", "responseDuration"]
    assert report["record"] == {"requestId": "id", "status": "success", "metrics": {"durationMs": 0.0}}
    assert outcome.log_tail is not None
    assert [json.loads(line)["type"] for line in outcome.log_tail.splitlines() if line.startswith(b"{")] == [
        "platform.start",
        "platform.report",
    ]


async def test_more_than_polls_is_somebody_elses(begin: Begin, clock: VirtualClock) -> None:
    """A fourth waits a moment for three workers, and is given back; one of them in time takes it."""
    managed = await begin()
    calls = [managed.calling("go", str(number)) for number in range(3)]
    await until(lambda: managed.log.count(b"got go") == 3)
    assert not managed.sandbox.can_invoke()
    fourth = managed.calling()
    clock.advance(POLL_GRACE_MS - 1)
    fifth = managed.calling("", "fifth")
    clock.advance(1)
    with pytest.raises(NobodyPolls):
        await answered(fourth)
    managed.release("go")
    assert (await answered(fifth)).kind is OutcomeKind.SUCCESS
    for call in calls:
        assert (await answered(call)).kind is OutcomeKind.SUCCESS


async def test_a_timeout_ends_nothing_but_the_wait(begin: Begin, clock: VirtualClock) -> None:
    """The caller is answered; the worker's late answer gets a 410, the one after it a 400, and the worker goes on."""
    managed = await begin(timeout_ms=5_000)
    late, other = managed.calling("late"), managed.calling("other")
    await managed.said(b"got late", b"got other")
    clock.advance(4_999)
    managed.release("other")
    await answered(other)
    clock.advance(1)
    outcome = await answered(late)
    assert json.loads(outcome.body) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: late Error: Task timed out after 5.00 seconds",
    }
    assert managed.records[-1]["record"]["status"] == "timeout"
    managed.release("late")
    await managed.said(
        b'refused 410 {"errorMessage":"Invoke timeout"', b'refused 400 {"errorMessage":"Invalid request ID"'
    )
    await managed.polled(3)
    assert (await managed.call()).body == b"[%d]" % managed.sandbox._programs.runtime.group.pid


async def test_an_error_of_the_function_ends_nothing(begin: Begin) -> None:
    """Its caller gets it, the others get theirs."""
    managed = await begin()
    other = managed.calling("other")
    assert (await managed.call("fail")).body == b'{"errorType":"Oops"}'
    managed.release("other")
    assert (await answered(other)).kind is OutcomeKind.SUCCESS


async def test_the_end_of_the_process_ends_everything(begin: Begin) -> None:
    """Every invocation in flight is answered with it."""
    managed = await begin()
    calls = [managed.calling(order) for order in ("a", "b")]
    await managed.said(b"got a", b"got b")
    outcomes = [await managed.call("exit"), *[await answered(call) for call in calls]]
    assert [json.loads(outcome.body)["errorMessage"] for outcome in outcomes] == [
        f"RequestId: {request_id} Error: Runtime exited with error: exit status 3" for request_id in ("exit", "a", "b")
    ]
    assert (managed.sandbox.state, managed.ended_count) == (SandboxState.ENDED, 1)
    assert (await managed.call()).error_type == "Runtime.ExitError"


async def test_an_init_that_fails_answers_who_waits(begin: Begin) -> None:
    """With what the runtime reported; it is not run again."""
    managed = await begin(
        """
        api = Api()
        api.post("init/error", b'{"errorType":"Sad"}', "Lambda-Runtime-Function-Error-Type: Runtime.Sad\\r\\n")
        api.answer()
        sys.exit(1)
        """
    )
    calls = [managed.calling("", name) for name in ("a", "b")]
    assert [(await answered(call)).body for call in calls] == [b'{"errorType":"Sad"}'] * 2


async def test_init_may_take_two_minutes(begin: Begin, clock: VirtualClock) -> None:
    """130 seconds; who waited is told of a timeout."""
    managed = await begin("signal.pause()")
    call = managed.calling()
    clock.advance(129_999)
    assert managed.sandbox.state is SandboxState.INIT
    clock.advance(1)
    assert (await answered(call)).kind is OutcomeKind.TIMEOUT


async def test_who_left_while_waiting_has_nothing_run(begin: Begin) -> None:
    """Its event reaches no worker."""
    managed = await begin()
    gone, here = managed.calling("gone"), managed.calling("", "here")
    gone.cancel()
    await answered(here)
    await managed.polled(3)
    assert b"got gone" not in managed.log


async def test_more_polls_than_were_asked_for(begin: Begin) -> None:
    """A runtime with four workers where two are the limit never has three invocations."""
    managed = await begin(WORKERS.replace('int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"])', "4"), max_concurrency=2)
    await managed.polled(4)
    calls = [managed.calling(order) for order in ("a", "b", "c")]
    await managed.said(b"got a", b"got b")
    assert b"got c" not in managed.log
    managed.release("a")
    await managed.said(b"got c")
    for order in ("b", "c"):
        managed.release(order)
    for call in calls:
        await answered(call)


async def test_the_calls_of_the_api(begin: Begin) -> None:
    """An id nobody has is a 400, the echo of another attempt a 410, a second init a 403, a lost poll is forgotten."""
    managed = await begin("api = Api()\napi.ask()\nsignal.pause()")
    address = managed.sandbox._endpoint.address
    await managed.polled(1)
    clients = [await FakeRuntime.connect(address) for _ in range(2)]
    assert (await clients[0].request("POST", f"{API}/runtime/invocation/nobody/response", b"1")).status == 400
    assert (await clients[0].request("POST", f"{API}/runtime/init/error", b"{}")).status == 403
    clients[0].park()
    await managed.polled(2)
    await clients[0].close()
    await managed.polled(1)
    first, second = managed.calling("", "first"), managed.calling("", "second")
    event = await clients[1].request("GET", f"{API}/runtime/invocation/next")
    path = f"{API}/runtime/invocation/{event.headers['lambda-runtime-aws-request-id']}/response"
    assert (await clients[1].request("POST", path, b"1", "Lambda-Runtime-Invocation-Id: other\r\n")).status == 410
    echo = f"Lambda-Runtime-Invocation-Id: {event.headers['lambda-runtime-invocation-id']}\r\n"
    assert (await clients[1].request("POST", path, b"mine", echo)).status == 202
    assert (await clients[1].request("POST", path, b"again", echo)).status == 400
    assert b"mine" in [(await answered(second)).body]
    first.cancel()
    await clients[1].close()


async def test_extensions_hear_of_the_end_only(begin: Begin, tmp_path: Path, clock: VirtualClock) -> None:
    """INVOKE is refused to all, and internal extensions hear of nothing; SHUTDOWN comes."""
    external_extension(
        tmp_path / "opt",
        "watcher",
        """
        say("invoke:", *register("INVOKE", "SHUTDOWN"))
        register("SHUTDOWN")
        say("told:", next_event()["eventType"])
        """,
    )
    inside = """
    inner = Api()
    def tell(method, path, header, body=""):
        head = f"{method} /2020-01-01/extension/{path} HTTP/1.1\\r\\nContent-Length: {len(body)}\\r\\n{header}\\r\\n\\r\\n"
        inner.send((head + body).encode())
    for events in ('["INVOKE"]', "[]"):
        tell("POST", "register", "Lambda-Extension-Name: inside", '{"events":%s}' % events)
        status, headers, answer = inner.answer()
        say("inside:", status, answer.decode().strip())
    tell("GET", "event/next", "Lambda-Extension-Identifier: " + headers["lambda-extension-identifier"])
    """
    managed = await begin(inside + WORKERS, opt=tmp_path / "opt")
    await managed.call()
    await managed.said(
        b"invoke: 403",
        b"INVOKE: ErrorInvalidEventType",
        b"inside: 403",
        b"No events allowed for internal extensions",
        b"inside: 200",
    )
    managed.sandbox.dismiss()
    clock.advance(300)
    await managed.said(b"told: SHUTDOWN")
