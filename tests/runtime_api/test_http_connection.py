"""The connection alone, on a transport that is a list: what it hands on, what it writes, when it closes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.http_connection import HEAD_LIMIT_BYTES, Connection, Receiver, Request

BODY_LIMIT_BYTES = 1000
Receive = Callable[[Request, Connection], Receiver | None]


class ListTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_paused = False
        self.is_closed = False
        self.is_half_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_half_closed
        self.written += bytes(data)

    def write_eof(self) -> None:
        self.is_half_closed = True

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


class Client:
    """A connection, what it handed on, and its transport."""

    def __init__(self, now_ms: Callable[[], float] | None = None, receive: Receive | None = None) -> None:
        self.requests: list[Request] = []
        self.lost_count = 0
        self.transport = ListTransport()
        self.connection = Connection(self._serve, self._lost, BODY_LIMIT_BYTES, now_ms=now_ms, receive=receive)
        self.connection.connection_made(self.transport)

    def _serve(self, request: Request, connection: Connection) -> None:
        assert connection is self.connection
        self.requests.append(request)

    def _lost(self, connection: Connection) -> None:
        assert connection is self.connection
        self.lost_count += 1

    def feed(self, *pieces: bytes) -> None:
        """Have bytes arrive."""
        for piece in pieces:
            self.connection.data_received(piece)


POST = b"POST /a/b?c=%64 HTTP/1.1\r\nHost: x\r\nX-Mixed-CASE: Value \r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /stream HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: X-One, X-Two\r\n\r\n"
    b"3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nX-One: first\r\nX-Two: second\r\n\r\n"
)
UPGRADE = (
    b"POST /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABk\r\nContent-Length: 5\r\n\r\nhello"
)
GET = b"GET /next HTTP/1.1\r\n\r\n"


def parsed(*pieces: bytes) -> Request:
    """The one request in the pieces."""
    client = Client()
    client.feed(*pieces)
    [request] = client.requests
    assert client.transport.written == b""
    return request


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces."""
    edges = [0, *sorted(place % len(data) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges) if start < end]


@given(st.sampled_from([POST, CHUNKED, UPGRADE, GET]), st.lists(st.integers(0, 10_000), max_size=8))
def test_pieces_parse_as_the_whole(data: bytes, places: list[int]) -> None:
    """However the network cuts a request, it is the same request."""
    assert parsed(*cut(data, places)) == parsed(data)


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=4))
def test_any_bytes_are_answered_or_awaited(data: bytes, places: list[int]) -> None:
    """No bytes make the connection fail; a refusal is a 400 and the end of writing."""
    client = Client()
    if data:
        client.feed(*cut(data, places))
    if client.transport.written:
        assert client.transport.written.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert client.transport.is_half_closed


def test_an_ordinary_request() -> None:
    """Method, path as it came, lower-case names, values without the white space around them."""
    assert parsed(POST) == Request(
        "POST", "/a/b?c=%64", {"host": "x", "x-mixed-case": "Value", "content-length": "5"}, {}, b"hello"
    )


def test_trailers_are_kept_apart_from_headers() -> None:
    """What follows a chunked body is there, and is not a header."""
    request = parsed(CHUNKED)
    assert (request.body, request.trailers) == (b"hello", {"x-one": "first", "x-two": "second"})
    assert "x-one" not in request.headers


def test_an_offer_to_upgrade_costs_nothing_of_the_request() -> None:
    """The body after a declined `Upgrade: h2c` is the request's."""
    request = parsed(UPGRADE)
    assert (request.method, request.path, request.body, request.keep_alive) == ("POST", "/up", b"hello", True)


@pytest.mark.parametrize("upgrade", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"], ids=["plain", "upgrade"])
def test_http_1_0_closes(upgrade: bytes) -> None:
    """A client of HTTP/1.0 that does not ask for more is closed after its answer."""
    client = Client()
    client.feed(b"GET / HTTP/1.0\r\n" + upgrade + b"\r\n")
    client.connection.answer(200, b"x", b"")
    assert client.transport.written == b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    assert client.transport.is_closed


def test_head_and_body_leave_in_one_write() -> None:
    """An answer is one piece: two would wait for each other on the wire."""
    client = Client()
    writes: list[bytes] = []
    client.transport.write = lambda data: writes.append(bytes(data))  # type: ignore[method-assign]
    client.feed(GET)
    client.connection.answer(202, b'{"status":"OK"}\n')
    assert writes == [
        b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
    ]


def test_connect_is_refused() -> None:
    """Nobody is connected to anything else here."""
    client = Client()
    client.feed(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")
    assert client.transport.written.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert client.requests == []


def test_a_body_over_the_limit_is_forgotten() -> None:
    """One byte more than the limit leaves an empty body that says so; the limit itself fits."""
    head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
    fits = parsed(head % BODY_LIMIT_BYTES + b"x" * BODY_LIMIT_BYTES)
    assert (len(fits.body), fits.too_large) == (BODY_LIMIT_BYTES, False)
    over = parsed(head % (BODY_LIMIT_BYTES + 1), b"x" * BODY_LIMIT_BYTES, b"x")
    assert (over.body, over.too_large) == (b"", True)


def test_a_body_that_ends_early_is_truncated() -> None:
    """What came of it is handed on, and the connection closes after the answer."""
    client = Client()
    client.feed(POST[:-2])
    assert client.connection.eof_received() is True
    [request] = client.requests
    assert (request.body, request.truncated, request.keep_alive) == (b"hel", True, False)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET], ids=["nothing", "half a head", "a whole request"])
def test_an_end_outside_of_a_body_closes(sent: bytes) -> None:
    """Nothing is made up of a request that never was."""
    client = Client()
    client.feed(sent)
    before = len(client.requests)
    assert not client.connection.eof_received()
    assert len(client.requests) == before


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["endless", "whole"])
@pytest.mark.parametrize("field", [b"x" * 1000, b"x\r\nX-Big: " * 100], ids=["one field", "one name"])
def test_a_head_over_the_limit_is_refused(field: bytes, end: bytes) -> None:
    """431, whether the head ever ends or not, and what follows is not served."""
    data = b"GET / HTTP/1.1\r\nX-Big: " + field * (HEAD_LIMIT_BYTES // len(field) + 100) + end + GET
    client = Client()
    client.feed(*(data[start : start + 64 * 1024] for start in range(0, len(data), 64 * 1024)))
    assert client.transport.written.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert client.transport.is_half_closed
    assert client.requests == []


def test_when_a_request_began() -> None:
    """The moment of its first part, where it came in several; one that came whole is not asked about."""
    times = iter([10.0, 20.0])
    client = Client(lambda: next(times))
    client.feed(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\n", b"1", b"23")
    client.connection.answer(202, b"")
    client.feed(b"POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\n1")
    assert [request.began_ms for request in client.requests] == [10.0, None]


def test_a_repeated_header_is_one_list() -> None:
    """Its values in their order, as one header would have them; so with trailers."""
    head = b"POST / HTTP/1.1\r\nA: 1\r\na: 2\r\nB: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    request = parsed(head + b"0\r\nA: 3\r\nA: 4\r\n\r\n")
    assert (request.headers["a"], request.headers["b"], request.trailers) == ("1, 2", "x", {"a": "3, 4"})


def test_repeated_cookies_are_one_header_of_cookies() -> None:
    """They are told apart by semicolons, and may have commas in them."""
    assert parsed(b"GET / HTTP/1.1\r\nCookie: a=1,2\r\ncookie: b=3\r\n\r\n").headers["cookie"] == "a=1,2; b=3"


def test_large_headers_that_fit_are_kept() -> None:
    """A megabyte of error cause is an ordinary header."""
    assert len(parsed(b"GET / HTTP/1.1\r\nX-Big: " + b"x" * 1024 * 1024 + b"\r\n\r\n").headers["x-big"]) == 1024 * 1024


@pytest.mark.parametrize(
    "refusal", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"]
)
def test_what_is_not_http_is_refused_once(refusal: bytes) -> None:
    """400, closed for writing, and everything after it is read and forgotten."""
    client = Client()
    client.feed(refusal)
    written = client.transport.written
    client.feed(GET, refusal)
    client.connection.answer(200, b"late")
    assert client.transport.written == written
    assert written.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n")
    assert client.requests == []
    assert not client.connection.eof_received()


@pytest.mark.parametrize(
    "smuggled",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
    ids=["both lengths", "two lengths", "negative", "bad chunk"],
)
def test_a_body_of_doubtful_length_is_refused(smuggled: bytes) -> None:
    """Where a body ends is never guessed."""
    client = Client()
    client.feed(smuggled)
    assert client.transport.written.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert client.requests == []


async def test_pipelined_requests_are_served_one_after_the_other() -> None:
    """The second waits, unread further, until the first is answered."""
    client = Client()
    client.feed(GET + POST + GET)
    assert [request.path for request in client.requests] == ["/next"]
    assert client.transport.is_paused
    client.connection.answer(200, b"1")
    await asyncio.sleep(0)
    assert [request.path for request in client.requests] == ["/next", "/a/b?c=%64"]
    client.connection.answer(200, b"2")
    await asyncio.sleep(0)
    assert len(client.requests) == 3
    assert not client.transport.is_paused


async def test_pipelined_requests_are_not_served_after_a_close() -> None:
    """Whoever is closed is not answered any more."""
    client = Client()
    client.feed(GET + GET)
    client.connection.answer(200, b"1")
    client.connection.close()
    await asyncio.sleep(0)
    assert len(client.requests) == 1


def test_closing_a_connection_that_is_not_open_yet() -> None:
    """It was accepted, and its owner closed before the loop said so: it is closed as soon as it opens."""
    transport = ListTransport()
    connection = Connection(lambda _request, _connection: None, lambda _connection: None, BODY_LIMIT_BYTES)
    connection.close()
    connection.connection_made(transport)
    assert transport.is_closed


def test_a_fault_of_the_server_is_not_the_clients() -> None:
    """An error while serving is answered with 500 and raised where the loop reports it."""

    def fail(_request: Request, _connection: Connection) -> None:
        raise ZeroDivisionError("ours")

    transport = ListTransport()
    connection = Connection(fail, lambda _connection: None, BODY_LIMIT_BYTES)
    connection.connection_made(transport)
    with pytest.raises(ZeroDivisionError, match="ours"):
        connection.data_received(GET)
    assert transport.written.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


def test_a_lost_connection_is_told_once_and_answers_are_harmless() -> None:
    """Whoever holds the connection may still answer it."""
    client = Client()
    client.feed(GET)
    client.connection.connection_lost(None)
    client.connection.answer(200, b"too late")
    assert (client.lost_count, client.transport.written) == (1, b"")


@pytest.mark.parametrize("expect", [b"100-continue", b"100-Continue"])
def test_a_client_that_waits_for_leave_gets_it(expect: bytes) -> None:
    """100 Continue is said once, before the body."""
    client = Client()
    client.feed(b"POST / HTTP/1.1\r\nExpect: " + expect + b"\r\nContent-Length: 2\r\n\r\n")
    assert client.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.feed(b"hi")
    assert [request.body for request in client.requests] == [b"hi"]
    assert client.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"


class Taker:
    """Takes the bodies of requests for `/stream` as they come, and answers each with how it ended."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended: list[Request] = []
        self.client = Client(receive=self.receive)

    def receive(self, request: Request, connection: Connection) -> Receiver | None:
        assert connection is self.client.connection
        return self if request.path == "/stream" else None

    def feed(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def end(self, request: Request) -> None:
        self.ended.append(request)
        self.client.connection.answer(400 if request.truncated else 202, b"")


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_a_body_can_be_taken_as_it_comes(places: list[int]) -> None:
    """However the network cuts it: the pieces are the body, the trailers are at its end, and the next request is an ordinary one."""
    taker = Taker()
    taker.client.feed(*cut(CHUNKED + POST, places))
    assert b"".join(taker.pieces) == b"hello"
    assert all(taker.pieces)
    [ended] = taker.ended
    assert (ended.trailers, ended.body, ended.truncated) == ({"x-one": "first", "x-two": "second"}, b"", False)
    assert [request.body for request in taker.client.requests] == [b"hello"]
    assert taker.client.transport.written.startswith(b"HTTP/1.1 202 Accepted")


def test_a_body_that_is_taken_has_no_limit() -> None:
    """Whoever takes it counts for himself."""
    taker = Taker()
    taker.client.feed(b"POST /stream HTTP/1.1\r\nContent-Length: 5000\r\n\r\n", *[b"x" * 1000] * 5)
    assert (len(taker.pieces), taker.ended[0].too_large) == (5, False)


def test_a_body_that_is_taken_and_ends_early_is_truncated() -> None:
    """By an end its taker is told, and can still answer."""
    taker = Taker()
    taker.client.feed(CHUNKED[:-20])
    assert taker.client.connection.eof_received() is True
    assert [request.truncated for request in taker.ended] == [True]
    assert taker.client.transport.written.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert taker.client.transport.is_closed


def test_a_body_that_is_taken_and_lost_is_truncated() -> None:
    """Its taker hears of it before the connection is gone, and his answer is harmless."""
    taker = Taker()
    taker.client.feed(CHUNKED[:-20])
    taker.client.connection.connection_lost(ConnectionResetError())
    assert ([request.truncated for request in taker.ended], taker.client.lost_count) == ([True], 1)
    assert taker.client.transport.written == b""


def test_a_body_that_is_taken_and_malformed_is_truncated() -> None:
    """The refusal of the wire is the one answer."""
    taker = Taker()
    taker.client.feed(CHUNKED[: CHUNKED.index(b"2\r\nlo")] + b"nonsense\r\n", GET)
    assert [request.truncated for request in taker.ended] == [True]
    assert taker.client.transport.written.count(b"HTTP/1.1") == 1
    assert taker.client.transport.written.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain")
    assert taker.client.transport.is_half_closed


async def test_a_request_that_waits_for_its_turn_is_collected() -> None:
    """Its body would come before the last one is answered."""
    taker = Taker()
    taker.client.feed(GET + CHUNKED)
    taker.client.connection.answer(200, b"")
    await asyncio.sleep(0)
    assert [request.body for request in taker.client.requests] == [b"", b"hello"]
    assert (taker.pieces, taker.ended) == ([], [])


def test_reading_can_be_paused_and_resumed() -> None:
    """And both are harmless when the client is gone."""
    client = Client()
    seen = []
    for _ in range(2):
        for step in (client.connection.pause, client.connection.resume):
            step()
            seen.append(client.transport.is_paused)
        client.connection.connection_lost(None)
    assert seen == [True, False, False, False]
