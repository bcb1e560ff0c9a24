"""The runtime that runs inside the sandbox: the function's side of the Lambda Runtime API.

Three layers that never leak into each other: wire (bytes and requests), loop (one invocation after another) and
handler (what the user wrote). Nothing is imported that the handler did not ask for, because every import here is
paid for at every cold start. For that reason annotations are quoted where evaluating them would need an import, and
the names a function may use are looked up when it does.
"""

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .client import LambdaRuntimeClient as LambdaRuntimeClient
    from .context import LambdaContext as LambdaContext
    from .current import current_context as current_context
    from .event_loop import cancel_before_deadline as cancel_before_deadline
    from .hooks.lifecycle import after_response as after_response
    from .hooks.lifecycle import on_shutdown as on_shutdown
    from .hooks.timeouts import on_timeout as on_timeout
    from .loop import handle_event_request as handle_event_request
    from .streams.http_response import HttpResponse as HttpResponse
    from .streams.streaming import AsyncHttpStreamResponse as AsyncHttpStreamResponse
    from .streams.streaming import AsyncStreamResponse as AsyncStreamResponse
    from .streams.streaming import HttpStreamResponse as HttpStreamResponse
    from .streams.streaming import StreamResponse as StreamResponse
    from .streams.streaming import http_stream as http_stream
    from .streams.streaming import stream as stream
    from .web.asgi_app import asgi as asgi
    from .web.wsgi_app import wsgi as wsgi

_HOMES = {
    "AsyncHttpStreamResponse": "streams.streaming",
    "AsyncStreamResponse": "streams.streaming",
    "HttpResponse": "streams.http_response",
    "HttpStreamResponse": "streams.streaming",
    "LambdaContext": "context",
    "LambdaRuntimeClient": "client",
    "StreamResponse": "streams.streaming",
    "after_response": "hooks.lifecycle",
    "asgi": "web.asgi_app",
    "cancel_before_deadline": "event_loop",
    "current_context": "current",
    "handle_event_request": "loop",
    "http_stream": "streams.streaming",
    "on_shutdown": "hooks.lifecycle",
    "on_timeout": "hooks.timeouts",
    "stream": "streams.streaming",
    "wsgi": "web.wsgi_app",
}
__all__ = list(_HOMES)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'bootstrap' has no attribute {name!r}")
        home = f"{__name__}.{_HOMES[name]}"
        __import__(home)
        value = globals()[name] = getattr(sys.modules[home], name)
        return value
