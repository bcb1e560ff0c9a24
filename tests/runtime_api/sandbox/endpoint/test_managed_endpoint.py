"""The Runtime API of a multi-concurrent sandbox: what its real runtimes do not show."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from runtime_api.protocol.limits import MANAGED_BODY_LIMIT_BYTES
from runtime_api.sandbox.endpoint.managed_endpoint import GIVEN_UP_LIMIT, ManagedEndpoint
from tests.runtime_api.fake_runtime import FakeRuntime, RecordingOwner, error_path, invocation, response_path


class Opened:
    """An endpoint that listens, and one worker of its runtime."""

    def __init__(self) -> None:
        self.owner = RecordingOwner()
        self.endpoint = ManagedEndpoint(self.owner, {}, lambda _connection: None, time.monotonic)

    async def hand_over(self, number: int) -> None:
        """Let the worker ask for the event of that number, and have it; they count from 0."""
        self.worker.park()
        await self.owner.ready(number + 1)
        self.endpoint.hand_over(invocation(str(number)), 5)
        await self.worker.answer()

    async def open(self) -> None:
        """Listen, and connect."""
        await self.endpoint.open()
        self.worker = await FakeRuntime.connect(self.endpoint.address)

    async def close(self) -> None:
        """Leave nothing open."""
        await self.worker.close()
        self.endpoint.close()
        await self.endpoint.wait_until_disconnected()


@pytest.fixture
async def opened(no_loop_errors: None) -> AsyncIterator[Opened]:
    """One, closed after the test."""
    opened = Opened()
    await opened.open()
    yield opened
    await opened.close()


async def test_the_oldest_late_answers_are_forgotten(opened: Opened) -> None:
    """A runtime that never answers costs no more memory than a thousand ids: the first one given up is a 400, the last a 410."""
    for number in range(GIVEN_UP_LIMIT + 1):
        await opened.hand_over(number)
        opened.endpoint.give_up(str(number))
    answers = [await opened.worker.request("POST", response_path(str(number)), b"1") for number in (0, GIVEN_UP_LIMIT)]
    assert [answer.status for answer in answers] == [400, 410]


async def test_an_error_that_is_too_large_has_not_been_posted(opened: Opened) -> None:
    """More than 1 MiB is a 413 that says so; a shorter report of the same invocation is taken then."""
    most = b"x" * MANAGED_BODY_LIMIT_BYTES
    await opened.hand_over(0)
    refused = await opened.worker.request("POST", error_path("0"), most + b"x")
    assert (refused.status, b"(1048576 bytes)" in refused.body, opened.owner.outcomes) == (413, True, [])
    assert (await opened.worker.request("POST", error_path("0"), most)).status == 202
    assert [outcome.body for outcome in opened.owner.outcomes] == [most]


async def test_a_response_may_be_larger_than_an_error(opened: Opened) -> None:
    """Its limit is that of every response."""
    await opened.hand_over(0)
    answer = await opened.worker.request("POST", response_path("0"), b"x" * (MANAGED_BODY_LIMIT_BYTES + 1))
    assert answer.status == 202
