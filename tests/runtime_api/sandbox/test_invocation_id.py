"""The id of an attempt: given with the event, echoed with the answer."""

from __future__ import annotations

import pytest

from runtime_api.protocol.runtime.states import RuntimeState
from tests.runtime_api.fake_runtime import NEXT, FakeRuntime, error_path, invocation, response_path
from tests.runtime_api.sandbox.conftest import OpenEndpoint

DEADLINE_MS = 1_700_000_003_000
NAME = "lambda-runtime-invocation-id"
OUTDATED = b'{"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"}\n'
paths = pytest.mark.parametrize("path", [response_path(), error_path()], ids=["response", "error"])


async def attempt(opened: OpenEndpoint, runtime: FakeRuntime) -> str:
    """Hand the same request over once more; the id of this attempt."""
    ready = opened.owner.ready_count
    runtime.park()
    await opened.owner.ready(ready + 1)
    opened.endpoint.hand_over(invocation(), DEADLINE_MS)
    return (await runtime.answer()).headers[NAME]


@paths
async def test_each_attempt_has_an_id_of_its_own(opened: OpenEndpoint, runtime: FakeRuntime, path: str) -> None:
    """Even where the request id is the same; the right echo is accepted."""
    seen = set()
    for _ in range(3):
        seen.add(found := await attempt(opened, runtime))
        assert (await runtime.request("POST", path, b"1", f"{NAME}: {found}\r\n")).status == 202
    assert len(seen) == 3


async def test_a_repeated_poll_is_the_same_attempt(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """The event comes again with the id it had."""
    found = await attempt(opened, runtime)
    assert (await runtime.request("GET", NEXT)).headers[NAME] == found


@paths
async def test_the_echo_of_another_attempt_is_refused(opened: OpenEndpoint, runtime: FakeRuntime, path: str) -> None:
    """Nothing has changed then, and the attempt under way can be answered."""
    first = await attempt(opened, runtime)
    await runtime.request("POST", path, b"first")
    await attempt(opened, runtime)
    late = await runtime.request("POST", path, b"late", f"{NAME}: {first}\r\n")
    assert (late.status, late.headers["content-type"], late.body) == (410, "application/json", OUTDATED)
    assert opened.endpoint.state is RuntimeState.RUNNING
    assert (await runtime.request("POST", path, b"second")).status == 202
    assert [outcome.body for outcome in opened.owner.outcomes] == [b"first", b"second"]


async def test_the_request_id_is_looked_at_first(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """An answer to a request that is not at work is a 400, whatever it echoes."""
    await attempt(opened, runtime)
    assert (await runtime.request("POST", response_path("other"), b"1", f"{NAME}: stale\r\n")).status == 400


async def test_the_state_is_looked_at_last(opened: OpenEndpoint, runtime: FakeRuntime) -> None:
    """A second answer is a 403 with the right echo, a 410 with a wrong one."""
    found = await attempt(opened, runtime)
    await runtime.request("POST", response_path(), b"1")
    assert (await runtime.request("POST", response_path(), b"2", f"{NAME}: {found}\r\n")).status == 403
    assert (await runtime.request("POST", response_path(), b"2", f"{NAME}: stale\r\n")).status == 410
