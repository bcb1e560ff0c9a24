"""The front door: every path callers can use, on one port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiohttp import web

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.frontend.invoke import INVOKE_PATH, InvokeApi, error_response
from runtime_api.protocol.invoke_errors import NotBuilt, ServiceFailure, UnknownOperation

_NOT_BUILT = {
    "/2021-11-15/functions/{name}/response-streaming-invocations": "InvokeWithResponseStream",
    "/2014-11-13/functions/{name}/invoke-async": "InvokeAsync",
    "/2014-11-13/functions/{name}/invoke-async/": "InvokeAsync",
}


def make_app(dispatcher: Dispatcher) -> web.Application:
    """The application that serves a dispatcher's functions."""
    app = web.Application(middlewares=[_say_it_as_the_api_does])
    app.router.add_post(INVOKE_PATH, InvokeApi(dispatcher).invoke)
    app.router.add_get("/healthz", _healthz)
    for path, operation in _NOT_BUILT.items():
        app.router.add_post(path, _not_built(operation))
    return app


async def _healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _not_built(operation: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def refuse(_request: web.Request) -> web.Response:
        error = NotBuilt(f"{operation} is not built yet: nothing was invoked. Use Invoke.")
        return error_response(error, str(uuid4()))

    return refuse


@web.middleware
async def _say_it_as_the_api_does(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What no route or the platform itself refuses is still answered in the API's own form."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        message = f"No operation at {request.method} {request.raw_path}. Served: POST {INVOKE_PATH}, GET /healthz"
        return error_response(UnknownOperation(message), str(uuid4()))
    except web.HTTPException:
        raise
    except ConnectionError:
        # The caller left in the middle of its request: nobody is there to answer.
        raise
    except Exception as error:
        request.app.logger.exception("the platform failed at %s", request.raw_path)
        return error_response(ServiceFailure(f"the platform failed: {error!r}"), str(uuid4()))
