"""The Runtime API of a multi-concurrent sandbox: what its real runtimes do not show."""

from __future__ import annotations

import time

from runtime_api.sandbox.managed_endpoint import GIVEN_UP_LIMIT, ManagedEndpoint
from tests.runtime_api.fake_runtime import FakeRuntime, RecordingOwner, invocation, response_path


async def test_the_oldest_late_answers_are_forgotten(no_loop_errors: None) -> None:
    """A runtime that never answers costs no more memory than a thousand ids: the first one given up is a 400, the last a 410."""
    owner = RecordingOwner()
    endpoint = ManagedEndpoint(owner, {}, lambda _connection: None, time.monotonic)
    await endpoint.open()
    client = await FakeRuntime.connect(endpoint.address)
    for number in range(GIVEN_UP_LIMIT + 1):
        client.park()
        await owner.ready(number + 1)
        endpoint.hand_over(invocation(str(number)), 5)
        endpoint.give_up(str(number))
        await client.answer()
    answers = [await client.request("POST", response_path(str(number)), b"1") for number in (0, GIVEN_UP_LIMIT)]
    assert [answer.status for answer in answers] == [400, 410]
    await client.close()
    endpoint.close()
    await endpoint.wait_until_disconnected()
