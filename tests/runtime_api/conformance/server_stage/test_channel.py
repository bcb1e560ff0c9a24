"""A connection to a server that takes less than it is sent, or answers before it has all."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from runtime_api.conformance.server_stage import channel
from runtime_api.conformance.server_stage.channel import Channel

# Far more than any system keeps of what nobody reads.
MUCH = bytes(32 * 1024 * 1024)


@contextlib.asynccontextmanager
async def connected(said: bytes = b"") -> AsyncIterator[Channel]:
    """A channel to a peer that says something at once, and reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        streams = await asyncio.open_connection(*listener.getsockname())
        one = Channel(1, streams, lambda: 0.0, lambda number, direction, data: None)
        with listener.accept()[0] as peer:
            peer.sendall(said)
            try:
                yield one
            finally:
                one.close()


async def test_a_request_that_is_not_taken_has_no_answer_in_time() -> None:
    """The limit of a call is for both halves of it, and the fault says which one took so long."""
    async with connected() as one:
        answer = await asyncio.wait_for(one.call("POST", "/", body=MUCH, within_s=0.1), 5)
    assert (answer.status, answer.is_timed_out) == (0, True)
    assert answer.fault == "the server took no more of the request within 0.1 s"


async def test_an_answer_to_half_a_request_is_taken() -> None:
    """A server may refuse what it has not read."""
    async with connected(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n") as one:
        answer = await asyncio.wait_for(one.call("POST", "/", body=MUCH, within_s=5), 10)
    assert (answer.status, answer.fault, answer.is_timed_out) == (413, "", False)


async def test_sending_alone_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left then leaves while the answer is waited for."""
    monkeypatch.setattr(channel, "_SEND_S", 0.1)
    async with connected() as one:
        await asyncio.wait_for(one.send(MUCH), 5)
        answer = await one.receive(0.1)
    assert answer.fault == "the server took no more of the request within 0.1 s"


async def test_half_an_answer_is_timed_out_as_well() -> None:
    """What came of it is kept."""
    async with connected(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") as one:
        answer = await one.call("GET", "/", within_s=0.1)
    assert (answer.status, answer.body, answer.is_timed_out) == (200, b"half", True)
    assert answer.fault == "no answer within 0.1 s"


async def test_a_connection_that_could_not_be_had_was_asked_in_vain_just_now() -> None:
    """Whoever looks how long that took must not count from the beginning of the scenario."""
    one = Channel(1, None, lambda: 5000.0, lambda number, direction, data: None, "the runtime is gone")
    await one.send(b"GET / HTTP/1.1\r\n\r\n")
    answer = await one.receive(1.0)
    assert (answer.fault, answer.took_ms) == ("the runtime is gone", 0.0)
