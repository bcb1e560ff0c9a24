"""ASGI app: an app of Starlette, FastAPI, Django, Quart, … as a handler.

    handler = bootstrap.asgi(app)

Strategy: the app is called as a server would call it, on the event loop of the sandbox. Its lifespan begins while the
function is loaded and ends at SIGTERM. The answer leaves as soon as the response is complete; what the app still has to
do then, background tasks above all, is done before the next event.

https://asgi.readthedocs.io/en/latest/specs/www.html
https://asgi.readthedocs.io/en/latest/specs/lifespan.html
"""

from ..current import current_context
from ..event_loop import wait_for
from ..hooks.lifecycle import after_response, on_shutdown
from ..streams.streaming import AsyncHttpStreamResponse, http_stream
from ..surroundings.library import StandardLibrary
from .answer import has_body, stream_head, write_answer
from .request import HttpRequest, read_request
from .wsgi_app import takes_start_response

with StandardLibrary():
    import asyncio
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any, Literal
    from urllib.parse import unquote

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
AppTask = asyncio.Future[BaseException | None]
LifespanMode = Literal["auto", "on", "off"]

MODES = ("auto", "on", "off")
HTTP_VERSION = {"version": "3.0", "spec_version": "2.4"}
LIFESPAN_VERSION = {"version": "3.0", "spec_version": "2.0"}


def asgi(app: App, *, stream: bool = False, lifespan: LifespanMode = "auto", base_path: str = "") -> "AsgiHandler":
    """A handler that answers HTTP events with an ASGI app.

    `stream` sends the body as the app makes it, which the function URL or the API must be set up for. `lifespan` "on"
    makes it an error when the app has none, "off" does not ask. `base_path` is the start of the path that API Gateway
    maps to this function; routes do not see it. The event and the context are `aws.event` and `aws.context` in the
    scope.
    """
    if takes_start_response(app):
        raise TypeError(f"{type(app).__name__} is a WSGI app: use bootstrap.wsgi")
    if lifespan not in MODES:
        raise ValueError(f"lifespan is one of {', '.join(MODES)}, not {lifespan!r}")
    if stream:
        return http_stream(AsgiStreamHandler(app, lifespan, base_path))
    return AsgiHandler(app, lifespan, base_path)


class AsgiHandler:
    """A handler around an ASGI app."""

    def __init__(self, app: App, lifespan: LifespanMode, base_path: str) -> None:
        self._app = app
        self._base_path = base_path
        self._lifespan = Lifespan(app, lifespan)
        self._pilotlight_start = self.start  # of the instance, for functools.wraps to carry it on

    def start(self) -> None:
        """Begin the lifespan of the app. Raises what the app raises."""
        wait_for(self._lifespan.begin())

    async def __call__(self, event: Any, context: Any) -> object:  # noqa: ANN401 - as loose as any handler
        """Answer one event."""
        request = read_request(event, self._base_path)
        response = BufferedResponse(request)
        await self._run(request, response, event, context)
        return response.answer()

    async def _run(self, request: HttpRequest, response: "Response", event: object, context: object) -> None:
        await self._lifespan.begin()
        scope = _http_scope(request, self._lifespan.state) | {"aws.event": event, "aws.context": context}
        task = asyncio.ensure_future(_call(self._app, scope, response.receive, response.send))
        await response.wait(task)
        if response.is_gone:
            await task  # whatever it makes of that
        elif not response.is_complete:
            raise task.result() or RuntimeError("the app returned before its response was complete")
        elif not task.done() or task.result() is not None:
            await _leave_for_later(task)


class AsgiStreamHandler(AsgiHandler):
    """A handler around an ASGI app whose response bodies are streamed."""

    async def __call__(self, event: Any, context: Any, response: AsyncHttpStreamResponse) -> None:  # type: ignore[override]  # noqa: ANN401
        """Answer one event."""
        request = read_request(event, self._base_path)
        await self._run(request, StreamedResponse(request, response), event, context)


class Response:
    """The app's side of one request: what it receives and sends."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.is_complete = False
        self.is_gone = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._was_asked = False
        self._over = asyncio.Event()
        self._answered = asyncio.get_running_loop().create_future()

    async def wait(self, task: AppTask) -> None:
        """Wait until the response is complete or the app has returned; the app ends with whoever waits for it."""
        task.add_done_callback(self._end)
        try:
            await self._answered
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise

    async def receive(self) -> Message:
        """The request, then its end."""
        if not self._was_asked:
            self._was_asked = True
            return {"type": "http.request", "body": self.request.body, "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the response. Raises RuntimeError for one out of turn, OSError when nobody reads on."""
        kind = message["type"]
        if self.is_gone:
            raise BrokenPipeError("nobody reads the response")
        if kind == "http.response.start" and not self.status:
            self.status = message["status"]
            self.headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            self._start()
        elif kind == "http.response.body" and self.status and not self.is_complete:
            body = message.get("body", b"")
            if body and has_body(self.request, self.status):
                await self._write(body)
            if not message.get("more_body", False):
                self.is_complete = True
                self._end()
        else:
            raise RuntimeError(f"unexpected ASGI message {kind!r}")

    def _start(self) -> None:
        """Note the head of the response."""

    async def _write(self, body: bytes) -> None:
        raise NotImplementedError

    def _end(self, _task: object = None) -> None:
        self._over.set()
        if not self._answered.done():
            self._answered.set_result(None)


class BufferedResponse(Response):
    """A response that is answered as a whole."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._body: list[bytes] = []

    def answer(self) -> dict[str, Any]:
        """The result for the complete response."""
        return write_answer(self.request, self.status, self.headers, b"".join(self._body))

    async def _write(self, body: bytes) -> None:
        self._body.append(body)


class StreamedResponse(Response):
    """A response that is sent as it is made."""

    def __init__(self, request: HttpRequest, stream: AsyncHttpStreamResponse) -> None:
        super().__init__(request)
        self._stream = stream

    def _start(self) -> None:
        self._stream.set_head(stream_head(self.request, self.status, self.headers))

    async def _write(self, body: bytes) -> None:
        try:
            await self._stream.write(body)
        except OSError:
            self.is_gone = True
            self._end()
            raise


class Lifespan:
    """What an app does once when it starts and once when it ends, in one task of its own."""

    def __init__(self, app: App, mode: LifespanMode) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._mode = mode
        self._beginning: asyncio.Task[None] | None = None
        self._task: AppTask | None = None

    async def begin(self) -> None:
        """Start the app unless that is done; whoever comes meanwhile waits. Raises what the app raises."""
        if self._mode != "off":
            if self._beginning is None:
                self._beginning = asyncio.ensure_future(self._begin())
            await asyncio.shield(self._beginning)

    async def end(self) -> None:
        """Stop the app. Raises what the app raises, or says that it failed."""
        if self._task is not None and not self._task.done():
            self._ask("lifespan.shutdown")
            self._check(await self._reply, "lifespan.shutdown")

    async def _begin(self) -> None:
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._ask("lifespan.startup")
        scope = {"type": "lifespan", "asgi": LIFESPAN_VERSION, "state": self.state}
        self._task = asyncio.ensure_future(_call(self._app, scope, self._inbox.get, self._send))
        self._task.add_done_callback(lambda _: self._answer(None))
        reply = await self._reply
        if reply is None and self._mode == "auto":
            return  # the specification's way to say that there is none
        self._check(reply, "lifespan.startup")
        on_shutdown(self.end)

    def _ask(self, kind: str) -> None:
        self._reply: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait({"type": kind})

    async def _send(self, message: Message) -> None:
        self._answer(message)

    def _answer(self, message: Message | None) -> None:
        if not self._reply.done():
            self._reply.set_result(message)

    def _check(self, reply: Message | None, kind: str) -> None:
        if reply is not None and reply["type"] == f"{kind}.complete":
            return
        assert self._task is not None
        if self._task.done() and (error := self._task.result()):
            raise error  # it tells more than the message
        self._task.cancel()
        raise RuntimeError((reply or {}).get("message") or f"the app has no answer to {kind}")


def _http_scope(request: HttpRequest, state: dict[str, Any]) -> dict[str, Any]:
    whole = request.root_path + request.raw_path
    return {
        "type": "http",
        "asgi": dict(HTTP_VERSION),
        "http_version": request.http_version,
        "method": request.method.upper(),
        "scheme": request.scheme,
        "path": unquote(whole),
        "raw_path": whole.encode("ascii"),
        "query_string": request.query_string.encode("ascii"),
        "root_path": unquote(request.root_path),
        "headers": request.headers,
        "client": request.client,
        "server": request.server,
        "state": state.copy(),
    }


async def _call(app: App, scope: dict[str, Any], receive: Receive, send: Send) -> BaseException | None:
    """What the app raised, as a value: a SystemExit raised within a task would end the loop as well."""
    try:
        await app(scope, receive, send)
    except BaseException as error:
        return error
    return None


async def _leave_for_later(task: AppTask) -> None:
    """What the app does after its response; where nobody posts answers, in tests of the function, it is done now."""

    async def finish() -> None:
        error = await task
        if error is not None:
            raise error

    if current_context() is None:
        await finish()
    else:
        after_response(finish)
