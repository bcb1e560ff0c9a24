"""WSGI app: an app of Flask, Django, Bottle, … as a handler.

    handler = bootstrap.wsgi(app)

https://peps.python.org/pep-3333/
"""

import io
import sys

from ..adapter import function_of, is_async
from ..current import current_context, runs_several
from ..hooks.lifecycle import after_response
from ..streams.streaming import HttpStreamResponse, http_stream
from ..surroundings.library import StandardLibrary
from .answer import has_body, stream_head, write_answer
from .request import HttpRequest, read_request

with StandardLibrary():
    from collections.abc import Callable, Iterable
    from typing import Any
    from urllib.parse import unquote_to_bytes

App = Callable[[dict[str, Any], Callable[..., Callable[[bytes], None]]], Iterable[bytes]]


def wsgi(app: App, *, stream: bool = False, base_path: str = "") -> "WsgiHandler":
    """A handler that answers HTTP events with a WSGI app.

    `stream` sends the body as the app makes it, which the function URL or the API must be set up for. `base_path` is the
    start of the path that API Gateway maps to this function; the app finds it in SCRIPT_NAME. The event and the context
    are `aws.event` and `aws.context` in the environ.
    """
    if is_async(app):
        raise TypeError(f"{type(app).__name__} is an ASGI app: use bootstrap.asgi")
    if stream:
        return http_stream(WsgiStreamHandler(app, base_path))
    return WsgiHandler(app, base_path)


def takes_start_response(app: object) -> bool:
    """Whether an app is one for WSGI, as far as the names of its parameters tell."""
    function, given = function_of(app)
    code = getattr(function, "__code__", None)
    return code is not None and "start_response" in code.co_varnames[given : code.co_argcount]


class WsgiHandler:
    """A handler around a WSGI app."""

    def __init__(self, app: App, base_path: str) -> None:
        self._app = app
        self._base_path = base_path

    def __call__(self, event: Any, context: Any) -> object:  # noqa: ANN401 - as loose as any handler
        """Answer one event."""
        request = read_request(event, self._base_path)
        response = BufferedResponse(request)
        self._run(request, response, event, context)
        return response.answer()

    def _run(self, request: HttpRequest, response: "Response", event: object, context: object) -> None:
        environ = _environ(request) | {"aws.event": event, "aws.context": context}
        pieces = self._app(environ, response.start)
        try:
            for piece in pieces:
                response.write(piece)
            response.finish()
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                _call_later(close)


class WsgiStreamHandler(WsgiHandler):
    """A handler around a WSGI app whose response bodies are streamed."""

    def __call__(self, event: Any, context: Any, response: HttpStreamResponse) -> None:  # type: ignore[override]  # noqa: ANN401
        """Answer one event."""
        request = read_request(event, self._base_path)
        try:
            self._run(request, StreamedResponse(request, response), event, context)
        except OSError:
            if not response.is_broken:
                raise


class Response:
    """The app's side of one request: `start` is its start_response."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._has_begun = False

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:  # noqa: ANN401
        """Note status and headers; they can be replaced, for an error, until the first bytes of the body."""
        if exc_info:
            if self._has_begun:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self.status:
            raise AssertionError("start_response() was called twice")
        self.status = int(status[:3])
        self.headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return self.write

    def write(self, data: bytes) -> None:
        """Take a part of the body."""
        if not isinstance(data, bytes):
            raise TypeError(f"the body of a WSGI response is bytes, not {type(data).__name__}")
        if not data:
            return
        self._begin()
        if has_body(self.request, self.status):
            self._write(data)

    def finish(self) -> None:
        """The body is complete."""
        self._begin()

    def _begin(self) -> None:
        if not self.status:
            raise AssertionError("the app did not call start_response()")
        if not self._has_begun:
            self._has_begun = True
            self._start()

    def _start(self) -> None:
        """Note the head of the response."""

    def _write(self, data: bytes) -> None:
        raise NotImplementedError


class BufferedResponse(Response):
    """A response that is answered as a whole."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._body: list[bytes] = []

    def answer(self) -> dict[str, Any]:
        """The result for the complete response."""
        return write_answer(self.request, self.status, self.headers, b"".join(self._body))

    def _write(self, data: bytes) -> None:
        self._body.append(data)


class StreamedResponse(Response):
    """A response that is sent as it is made."""

    def __init__(self, request: HttpRequest, stream: HttpStreamResponse) -> None:
        super().__init__(request)
        self._stream = stream

    def _start(self) -> None:
        self._stream.set_head(stream_head(self.request, self.status, self.headers))

    def _write(self, data: bytes) -> None:
        self._stream.write(data)


def _environ(request: HttpRequest) -> dict[str, Any]:
    server_name, server_port = request.server or ("localhost", 443)
    return {
        "REQUEST_METHOD": request.method.upper(),
        "SCRIPT_NAME": _decoded(request.root_path),
        "PATH_INFO": _decoded(request.raw_path),
        "QUERY_STRING": request.query_string,
        "REQUEST_URI": _uri(request),
        "SERVER_NAME": server_name,
        "SERVER_PORT": str(server_port),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version}",
        "REMOTE_ADDR": request.client[0] if request.client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": runs_several(),
        "wsgi.multiprocess": True,  # other sandboxes
        "wsgi.run_once": False,
    } | _header_variables(request.headers)


def _header_variables(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").upper(), raw_value.decode("latin-1")
        if "_" in name:  # would pass for the header with a hyphen, which AWS may have set itself
            continue
        name = name.replace("-", "_")
        key = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
        joint = "; " if name == "COOKIE" else ","
        variables[key] = f"{variables[key]}{joint}{value}" if key in variables else value
    return variables


def _decoded(path: str) -> str:
    """A path as PEP 3333 wants it: its bytes as characters of Latin-1."""
    return unquote_to_bytes(path).decode("latin-1")


def _uri(request: HttpRequest) -> str:
    path = request.root_path + request.raw_path
    return f"{path}?{request.query_string}" if request.query_string else path


def _call_later(close: Callable[[], object]) -> None:
    """Close what the app returned once the answer is sent, as servers do; now, where nobody posts answers."""
    if current_context() is None:
        close()
    else:
        after_response(close)
