"""The front door as an aiohttp application: every path callers can use.

Invoke is one of them. Connections that do nothing else are answered in `door`, before they get here; both call the same `InvokeApi`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiohttp import web

from runtime_api.frontend.invoke import INVOKE_PATH, Answer, InvokeApi, refusal
from runtime_api.protocol.invoke_errors import InvokeError, MethodNotAllowed, NotBuilt, ServiceFailure, UnknownOperation
from runtime_api.protocol.limits import EVENT_LIMIT_BYTES

_NOT_BUILT = {
    "/2021-11-15/functions/{name}/response-streaming-invocations": "InvokeWithResponseStream",
    "/2014-11-13/functions/{name}/invoke-async": "InvokeAsync",
    "/2014-11-13/functions/{name}/invoke-async/": "InvokeAsync",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(api: InvokeApi) -> web.Application:
    """The application that serves everything on one port."""
    app = web.Application(middlewares=[_say_it_as_the_api_does])
    app.router.add_post(INVOKE_PATH, _invoke(api))
    app.router.add_get("/healthz", _healthz)
    for path, operation in _NOT_BUILT.items():
        app.router.add_post(path, _not_built(operation))
    return app


def unknown_operation(method: str, target: str) -> UnknownOperation:
    """The refusal of a path nobody serves, which lists those that are."""
    return UnknownOperation(f"No operation at {method} {target}. Served: POST {INVOKE_PATH}, GET /healthz")


def _invoke(api: InvokeApi) -> Handler:
    async def invoke(request: web.Request) -> web.Response:
        return _response(await api.answer(request.raw_path, request.headers, await _read_body(request)))

    return invoke


async def _read_body(request: web.Request) -> bytes | None:
    """The body; None when it is larger than an event may be. Read to its end either way, so that its sender hears the answer."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size <= EVENT_LIMIT_BYTES:
            chunks.append(chunk)
        else:
            chunks.clear()
    return b"".join(chunks) if size <= EVENT_LIMIT_BYTES else None


async def _healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _not_built(operation: str) -> Handler:
    async def refuse(_request: web.Request) -> web.Response:
        return _refuse(NotBuilt(f"{operation} is not built yet: nothing was invoked. Use Invoke."))

    return refuse


@web.middleware
async def _say_it_as_the_api_does(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What no route or the platform itself refuses is still answered in the API's own form."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return _refuse(unknown_operation(request.method, request.raw_path))
    except web.HTTPMethodNotAllowed as refused:
        return _refuse(MethodNotAllowed(", ".join(sorted(refused.allowed_methods))))
    except (web.HTTPException, ConnectionError):
        # The first is an answer, and with the second nobody is left to answer: the caller went away in its request.
        raise
    except Exception as error:
        request.app.logger.exception("the platform failed at %s", request.raw_path)
        return _refuse(ServiceFailure(f"the platform failed: {error!r}"))


def _refuse(error: InvokeError) -> web.Response:
    return _response(refusal(error, str(uuid4())))


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
