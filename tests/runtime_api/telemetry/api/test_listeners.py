from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from runtime_api.telemetry.api.listeners import Listener, ListenerGone, NotDelivered, listener_of
from tests.runtime_api.telemetry.real_listener import RealListener
from tests.runtime_api.waiting import PATIENCE_S, until

ITEMS = [b'{"n":1}', b'{"n":2}']


@pytest.fixture
async def http(listener: RealListener) -> AsyncIterator[Listener]:
    """The way to a listener that takes HTTP."""
    way = listener_of(listener.http)
    yield way
    await way.close()


@pytest.fixture
async def tcp(tcp_listener: RealListener) -> AsyncIterator[Listener]:
    """The way to a listener that takes lines."""
    way = listener_of(tcp_listener.tcp)
    yield way
    await way.close()


async def send(way: Listener, items: list[bytes] = ITEMS) -> None:
    """Send, with patience."""
    await asyncio.wait_for(way.send(items), PATIENCE_S)


async def test_http_is_a_json_array(listener: RealListener, http: Listener) -> None:
    """A POST to the path as it was given, for the host as it was named, with nothing of the platform's."""
    await send(http)
    [request] = listener.requests
    assert request.head == (
        f"POST /path?a=%2F HTTP/1.1\r\nHost: sandbox.localdomain:{listener.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n"
    )
    assert request.body == b'[{"n":1},{"n":2}]'


async def test_http_may_be_put(listener: RealListener) -> None:
    """Where it was asked for."""
    way = listener_of(msgspec.structs.replace(listener.http, method="PUT"))
    await send(way)
    await way.close()
    assert listener.requests[0].head.startswith("PUT /path?a=%2F HTTP/1.1\r\n")


async def test_one_connection_is_kept(listener: RealListener, http: Listener) -> None:
    """Batch after batch."""
    for _ in range(3):
        await send(http)
    assert (listener.connections, len(listener.requests)) == (1, 3)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"not HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: oops\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
        None,
    ],
)
async def test_whatever_is_no_yes_is_a_no(listener: RealListener, http: Listener, answer: bytes | None) -> None:
    """And the next batch is another matter."""
    listener.answers.append(answer)
    with pytest.raises(NotDelivered):
        await send(http)
    await send(http)
    assert len(listener.requests) == 2


async def test_an_answer_without_end_is_cut_off(listener: RealListener, http: Listener) -> None:
    """What counts is its status."""
    listener.answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000)
    await send(http)
    await send(http)
    assert listener.connections == 2


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 1, id="no body"),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", 1, id="line feeds"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n", 1, id="chunked"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1, id="interim"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 2, id="last one"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 2, id="HTTP/1.0"),
    ],
)
async def test_a_yes_in_every_form(listener: RealListener, http: Listener, answer: bytes, connections: int) -> None:
    """The connection is kept where it can be."""
    listener.answers.append(answer)
    await send(http)
    await send(http)
    assert (len(listener.requests), listener.connections) == (2, connections)


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"])
async def test_a_yes_that_ends_with_the_connection(listener: RealListener, http: Listener, head: bytes) -> None:
    """As a small server of HTTP/1.0 answers, or one that dies over it: what it has said is enough."""
    listener.answers.append(head + b"OK")
    sending = asyncio.ensure_future(send(http))
    await until(lambda: not listener.answers)
    listener.drop_gently()
    await sending


async def test_http_connects_again(listener: RealListener, http: Listener) -> None:
    """When the listener closed a connection that was idle."""
    await send(http)
    listener.drop()
    with contextlib.suppress(NotDelivered):
        await send(http)
    await send(http)
    assert listener.connections == 2


async def test_a_batch_that_is_given_up_takes_its_connection_with_it(listener: RealListener, http: Listener) -> None:
    """An answer that comes late must not be taken for that of the next one."""
    listener.answers.append(b"")
    sending = asyncio.ensure_future(http.send(ITEMS))
    await until(lambda: listener.requests)
    sending.cancel()
    await asyncio.wait([sending])
    await send(http)
    assert listener.connections == 2


async def test_tcp_is_a_line_for_each(tcp_listener: RealListener, tcp: Listener) -> None:
    """On one connection."""
    await send(tcp)
    await send(tcp, [b'{"n":3}'])
    await until(lambda: tcp_listener.received == b'{"n":1}\n{"n":2}\n{"n":3}\n')
    assert tcp_listener.connections == 1


@pytest.mark.parametrize("end", [RealListener.drop, RealListener.reset])
async def test_tcp_connects_again(
    tcp_listener: RealListener, tcp: Listener, end: Callable[[RealListener], None]
) -> None:
    """When the listener closed the connection, read to its end or not."""
    await send(tcp)
    await until(lambda: tcp_listener.received)
    end(tcp_listener)

    async def arrives() -> bool:
        # No answers: what is sent before the end of the connection is noticed is lost.
        try:
            await send(tcp, [b'{"n":3}'])
        except NotDelivered:
            return False
        return tcp_listener.connections == 2

    for _ in range(1000):
        if await arrives():
            break
        await asyncio.sleep(0)
    await until(lambda: tcp_listener.received.endswith(b'{"n":3}\n'))


async def test_tcp_waits_for_a_reader_who_does_not_read(tcp_listener: RealListener, tcp: Listener) -> None:
    """Nothing piles up on our side; a close in the middle leaves nothing open."""
    tcp_listener.reading.clear()
    sending = asyncio.ensure_future(tcp.send([b"x" * 20_000_000]))
    await until(lambda: tcp_listener.connections)
    assert not (await asyncio.wait([sending], timeout=0.05))[0]
    sending.cancel()
    await asyncio.wait([sending])


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_nobody_there_is_a_case_of_its_own(kind: str) -> None:
    """Its process may have ended, or never begun to listen."""
    gone = RealListener()
    await gone.open()
    await gone.close()
    way = listener_of(gone.http if kind == "http" else gone.tcp)
    with pytest.raises(ListenerGone):
        await send(way)
    await way.close()


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_what_was_never_used_is_closed_too(kind: str) -> None:
    """There is nothing to close."""
    await listener_of(RealListener().http if kind == "http" else RealListener().tcp).close()
