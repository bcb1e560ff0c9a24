"""Streaming: answers that leave piece by piece while the handler still runs.

    @stream                                   @http_stream(headers={"content-type": "text/event-stream"})
    def handler(event, context):              async def handler(event, context, response):
        yield "Hello "                            await response.write("data: 1\\n\\n")

Strategy: whatever the handler makes (pieces it yields, an iterable it returns, calls of `response.write`) ends in one
place, where the first bytes begin the answer and each further piece is one chunk, sent at once; a sandbox that reads
slowly holds the handler up, so nothing gathers in memory. Before the first byte the answer is open: an error is
reported like any other. After it an error goes into the trailers. When the sandbox reads no further the pieces are no
longer asked for, and the source of them is closed.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

from _thread import allocate_lock

from ..adapter import STREAM_MARK, function_of, is_async
from ..current import current_context
from ..errors import is_of_function
from ..wire import JOIN_BYTES
from .http_response import HttpResponse, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Lock
    from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeVar, overload

    from ..client import Invocation
    from ..context import LambdaContext
    from ..handler import Handler
    from ..wire import Connection

    Data = str | bytes | bytearray | memoryview
    AnyHandler = TypeVar("AnyHandler", bound=Callable[..., object])
    MakeResponse = Callable[[Invocation, bool], "StreamResponse"]

OCTET_STREAM = "application/octet-stream"
HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
DATA_TYPES = (str, bytes, bytearray, memoryview)
ReadOnly = type(type.__dict__)  # types.MappingProxyType, without the import


class StreamResponse:
    """What a streamed answer is written to: the third parameter of a handler.

    It is enough of a file for csv, json.dump, zipfile, gzip and print. `content_type` can be set until the first write.
    """

    __slots__ = ("_broken", "_invocation", "_lock", "_state", "_turn", "content_type")

    def __init__(self, invocation: "Invocation", content_type: str = OCTET_STREAM) -> None:
        self._state = "open"  # then "begun", "ended"
        self._invocation = invocation
        self._lock = allocate_lock()  # threads take turns,
        self._turn: Lock | None = None  # and tasks
        self._broken = ""
        self.content_type = content_type

    def __setattr__(self, name: str, value: object) -> None:
        if name[0] != "_" and self._state != "open":
            raise RuntimeError(f"the response has begun: its {name} can no longer be set")
        object.__setattr__(self, name, value)

    def write(self, data: "Data") -> int:
        """Send text as UTF-8, or bytes as they are; returns the length of `data`.

        Blocks while the caller is slow to read. Raises OSError when nobody reads on, TypeError for other data.
        """
        return self._send(data)

    def flush(self) -> None:
        """Do nothing: what was written is sent."""

    def pour(self, result: object) -> None:
        """Send what a handler returned: nothing, data, or something that gives data piece by piece."""
        if isinstance(result, DATA_TYPES):
            self._send(result)
        elif hasattr(result, "__await__") or hasattr(result, "__aiter__"):
            from ..event_loop import wait_for

            wait_for(self.pour_async(result))
        elif result is not None:
            self._pour_each(_require_iterable(result))

    async def pour_async(self, result: object) -> None:
        """The same within a coroutine, which lets others run while the caller is slow to read."""
        if hasattr(result, "__await__"):
            result = await result
        if isinstance(result, DATA_TYPES):
            await self._send_async(result)
        elif hasattr(result, "__aiter__"):
            await self._pour_each_async(result)
        elif result is not None:
            await self._pour_each_async(_as_async(_require_iterable(result)))

    def finish(self) -> None:
        """Begin the answer unless that is done: an empty stream is an answer as well."""
        if self._state == "open":
            try:
                self._begin(b"")
            except OSError as error:
                self._broken = str(error)

    def close(self) -> None:
        """Take nothing more, once what is just being written is sent."""
        if self._turn is not None and self._turn.locked():
            from ..event_loop import wait_for

            wait_for(self._close_in_turn(self._turn))
        with self._lock:
            self._state = "ended"

    async def _close_in_turn(self, turn: "Lock") -> None:
        async with turn:
            self._state = "ended"

    @property
    def is_broken(self) -> bool:
        """Whether nobody reads on."""
        return bool(self._broken)

    def _pour_each(self, pieces: "Iterable[object]") -> None:
        try:
            for piece in pieces:
                if not self._is_head(piece) and not self._reaches(piece):
                    break
        finally:
            getattr(pieces, "close", _nothing)()

    def _reaches(self, piece: object) -> bool:
        try:
            self._send(piece)
        except OSError as error:
            if is_of_function(error):
                raise
            return False
        return True

    async def _pour_each_async(self, pieces: "AsyncIterable[object]") -> None:
        try:
            async for piece in pieces:
                if not self._is_head(piece) and not await self._reaches_async(piece):
                    break
        finally:
            if hasattr(pieces, "aclose"):
                await pieces.aclose()

    async def _reaches_async(self, piece: object) -> bool:
        try:
            await self._send_async(piece)
        except OSError as error:
            if is_of_function(error):
                raise
            return False
        return True

    def _is_head(self, _piece: object) -> bool:
        """Whether a piece was the head of the answer and is dealt with."""
        return False

    def _send(self, data: object) -> int:
        try:
            with self._lock:
                for piece in self._pieces(data):
                    self._invocation.connection.send(piece)
        except OSError as error:
            self._broken = str(error)
            raise
        return len(data)  # type: ignore[arg-type]

    async def _send_async(self, data: object) -> int:
        if self._turn is None:
            from ..event_loop import make_lock

            self._turn = make_lock()
        try:
            async with self._turn:
                for piece in self._pieces(data):
                    await _send_all(self._invocation.connection, piece)
        except OSError as error:
            self._broken = str(error)
            raise
        return len(data)  # type: ignore[arg-type]

    def _pieces(self, data: object) -> "Iterator[bytes | memoryview]":
        """What is still to be sent for some data. Raises TypeError, RuntimeError after the end, OSError."""
        raw = _as_bytes(data)
        if self._state == "ended":
            raise RuntimeError("the response has ended: nothing can be written to it")
        if self._broken:
            raise BrokenPipeError(self._broken)
        if raw and self._state == "open":
            raw = self._begin(raw)
        if raw:
            yield from self._invocation.chunk(raw)

    def _begin(self, raw: "bytes | memoryview") -> "bytes | memoryview":
        """Begin the answer with bytes that fit one write; returns those that do not."""
        content_type, prelude = self._head()
        self._state = "begun"
        if len(raw) > JOIN_BYTES:
            self._invocation.begin_stream(content_type, prelude)
            return raw
        self._invocation.begin_stream(content_type, prelude + raw)
        return b""

    def _head(self) -> tuple[str, bytes]:
        return one_line(self.content_type), b""


class HttpStreamResponse(StreamResponse):
    """What a streamed HTTP answer is written to; status, headers and cookies can be set until the first write."""

    __slots__ = ("cookies", "headers", "status_code")

    def __init__(self, invocation: "Invocation", head: HttpResponse) -> None:
        super().__init__(invocation, HTTP_INTEGRATION)
        self.set_head(head)

    def set_head(self, head: HttpResponse) -> None:
        """Set status, headers and cookies at once."""
        self.status_code = head.status_code
        self.headers = dict(head.headers)
        self.cookies = list(head.cookies)

    def _is_head(self, piece: object) -> bool:
        if not isinstance(piece, HttpResponse):
            return False
        if self._state != "open":
            raise TypeError("an HttpResponse comes before the first data")
        self.set_head(piece)
        return True

    def _head(self) -> tuple[str, bytes]:
        prelude = HttpResponse(self.status_code, self.headers, self.cookies).prelude()
        object.__setattr__(self, "headers", ReadOnly(self.headers))
        object.__setattr__(self, "cookies", tuple(self.cookies))
        return HTTP_INTEGRATION, prelude


class _AsyncWrite(StreamResponse):
    """What differs for an `async def` handler: several tasks may write, and none of them blocks the loop."""

    __slots__ = ()

    async def write(self, data: "Data") -> int:  # type: ignore[override]
        """Send text as UTF-8, or bytes as they are; returns the length of `data`.

        Waits while the caller is slow to read. Raises OSError when nobody reads on, TypeError for other data.
        """
        return await self._send_async(data)


class AsyncStreamResponse(_AsyncWrite):
    """A StreamResponse for `async def` handlers: `await response.write(…)`."""

    __slots__ = ()


class AsyncHttpStreamResponse(_AsyncWrite, HttpStreamResponse):
    """An HttpStreamResponse for `async def` handlers: `await response.write(…)`."""

    __slots__ = ()


if TYPE_CHECKING:

    @overload
    def stream(handler: AnyHandler, /) -> AnyHandler: ...

    @overload
    def stream(*, content_type: str = ...) -> Callable[[AnyHandler], AnyHandler]: ...


def stream(handler: "Any" = None, /, *, content_type: str = OCTET_STREAM) -> "Any":
    """Mark a handler whose answer is a stream of data: str is sent as UTF-8, bytes as they are.

    The handler yields the data, returns something to iterate over, or takes a third parameter and calls its write().
    The function itself is returned, so that tests may call it.
    """
    one_line(content_type)

    def make(invocation: "Invocation", asynchronous: bool) -> StreamResponse:
        return (AsyncStreamResponse if asynchronous else StreamResponse)(invocation, content_type)

    return _mark(handler, make)


if TYPE_CHECKING:

    @overload
    def http_stream(handler: AnyHandler, /) -> AnyHandler: ...

    @overload
    def http_stream(
        *,
        status_code: int = ...,
        headers: Mapping[str, str | int | Sequence[str]] | None = ...,
        cookies: Sequence[str] = ...,
    ) -> Callable[[AnyHandler], AnyHandler]: ...


def http_stream(
    handler: "Any" = None,
    /,
    *,
    status_code: int = 200,
    headers: "Mapping[str, str | int | Sequence[str]] | None" = None,
    cookies: "Sequence[str]" = (),
) -> "Any":
    """Mark a handler that streams an HTTP answer to a function URL or to API Gateway.

    As @stream; the head is what is said here, what the first HttpResponse yielded says instead, or what is set on the
    third parameter before the first write.
    """
    head = HttpResponse(status_code, headers, cookies)

    def make(invocation: "Invocation", asynchronous: bool) -> StreamResponse:
        return (AsyncHttpStreamResponse if asynchronous else HttpStreamResponse)(invocation, head)

    return _mark(handler, make)


def stream_handler(handler: "Handler") -> "Handler":
    """A streamed handler as the loop calls it: what it makes is written during the call; the loop ends the stream."""
    make: MakeResponse = getattr(handler, STREAM_MARK, None) or _make_plain
    asynchronous = is_async(_innermost(handler))
    takes_response = _takes_response(handler)
    if asynchronous:
        from .. import event_loop

        event_loop.prepare()

    def call(event: object, context: "LambdaContext") -> object:
        running = current_context()
        response = make((running or context)._invocation, asynchronous)
        more = (response,) if takes_response else ()
        try:
            response.pour(handler(event, context, *more))
            response.finish()
        finally:
            response.close()
        return None

    return call


def _mark(handler: object, make: "MakeResponse") -> object:
    if handler is None:
        return lambda function: _mark(function, make)
    if not callable(handler):
        raise TypeError(f"a handler is a function, not {type(handler).__name__}; the options are given by keyword")
    setattr(getattr(handler, "__func__", handler), STREAM_MARK, make)
    return handler


def _make_plain(invocation: "Invocation", asynchronous: bool) -> StreamResponse:
    return (AsyncStreamResponse if asynchronous else StreamResponse)(invocation)


def _innermost(handler: "Handler") -> "Handler":
    """The function below decorators that use functools.wraps."""
    while hasattr(handler, "__wrapped__"):
        handler = handler.__wrapped__
    return handler


def _takes_response(handler: "Handler") -> bool:
    """Whether a handler has a third parameter that it must be given."""
    is_wrapper = hasattr(handler, "__wrapped__") and not hasattr(handler, "__code__")  # an object around a function
    function, given = (handler, 0) if is_wrapper else function_of(handler)
    function = _innermost(function)
    code = getattr(function, "__code__", None)
    return code is not None and code.co_argcount - given - len(function.__defaults__ or ()) > 2


async def _send_all(connection: "Connection", data: "bytes | memoryview") -> None:
    rest = memoryview(data)
    while rest:
        sent = connection.send_some(rest)
        rest = rest[sent:]
        if not sent:
            await _wait_until_ready(connection)


async def _wait_until_ready(connection: "Connection") -> None:
    """Wait until the sandbox reads on, or says something instead."""
    from ..event_loop import wait_until_ready

    try:
        await wait_until_ready(connection.fileno())
    finally:
        connection.set_blocking()


async def _as_async(pieces: "Iterable[object]") -> "AsyncIterable[object]":
    try:
        for piece in pieces:
            yield piece
    finally:
        getattr(pieces, "close", _nothing)()


def _nothing() -> None:
    """The end of what needs none."""


def _require_iterable(result: object) -> "Iterable[object]":
    if isinstance(result, dict) or not hasattr(result, "__iter__"):
        raise _no_data(result)
    return result


def _as_bytes(data: object) -> "bytes | memoryview":
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, (bytearray, memoryview)):
        view = memoryview(data)
        return view.cast("B") if view.nbytes and view.c_contiguous else view.tobytes()
    raise _no_data(data)


def _no_data(value: object) -> TypeError:
    return TypeError(f"a stream is made of str and bytes, not {type(value).__name__}")
