"""The front door as an aiohttp application: every path callers can use.

Invoke is one of them. Connections that do nothing else are answered in `door`, before they get here; both call the same `InvokeApi`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware

from runtime_api.frontend.event_stream import send
from runtime_api.frontend.gate import Gate
from runtime_api.frontend.invoke import INVOKE_ASYNC_PATH, INVOKE_PATH, STREAM_PATH, Answer, InvokeApi, refusal
from runtime_api.protocol.invoke.errors import InvokeError, MethodNotAllowed, ServiceFailure, UnknownOperation
from runtime_api.protocol.limits import EVENT_LIMIT_BYTES

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_server_log = logging.getLogger("pilotlight.http")


def make_app(api: InvokeApi) -> web.Application:
    """The application that serves everything on one port."""
    app = web.Application(middlewares=[_part_while_draining(api.gate), _say_it_as_the_api_does])
    app.router.add_post(INVOKE_PATH, _invoke(api))
    app.router.add_post(STREAM_PATH, _stream(api))
    for path in (INVOKE_ASYNC_PATH, f"{INVOKE_ASYNC_PATH}/"):
        app.router.add_post(path, _invoke_async(api))
    return app


def server_log() -> logging.Logger:
    """Where the HTTP server says what failed in it. A malformed request did not: its sender is told, and nobody else."""
    _server_log.addFilter(_is_of_server)
    return _server_log


def _is_of_server(record: logging.LogRecord) -> bool:
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


def unknown_operation(method: str, target: str) -> UnknownOperation:
    """The refusal of a path nobody serves, which lists those that are."""
    return UnknownOperation(
        f"No operation at {method} {target}. Served: POST {INVOKE_PATH}, POST {STREAM_PATH}, POST {INVOKE_ASYNC_PATH}, "
        "GET /healthz, GET /readyz, GET /metrics"
    )


def _invoke(api: InvokeApi) -> Handler:
    async def invoke(request: web.Request) -> web.Response:
        return _response(await api.answer(request.raw_path, request.headers, await read_body(request)))

    return invoke


def _invoke_async(api: InvokeApi) -> Handler:
    async def invoke_async(request: web.Request) -> web.Response:
        return _response(await api.invoke_async(request.raw_path, request.headers, await read_body(request)))

    return invoke_async


def _stream(api: InvokeApi) -> Handler:
    async def stream(request: web.Request) -> web.StreamResponse:
        body = await read_body(request)
        with api.gate:
            answer = await api.stream(request.raw_path, request.headers, body)
            return _response(answer) if isinstance(answer, Answer) else await send(answer, request)

    return stream


async def read_body(request: web.Request) -> bytes | None:
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


def _part_while_draining(gate: Gate) -> Middleware:
    """Each answer is the last of its connection, so that callers look for another server."""

    @web.middleware
    async def part(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if gate.is_draining:
            response.force_close()
        return response

    return part


@web.middleware
async def _say_it_as_the_api_does(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What no route or the platform itself refuses is still answered in the API's own form."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return _refuse(unknown_operation(request.method, request.raw_path))
    except web.HTTPMethodNotAllowed as refused:
        return _refuse(MethodNotAllowed(", ".join(sorted(refused.allowed_methods))))
    except web.HTTPException:
        raise
    except InvokeError as refused:
        return _refuse(refused)
    except ConnectionError:
        # The caller went away, in its request or in our answer: nobody gets this one, and nothing has failed.
        return web.Response()
    except Exception as error:
        request.app.logger.exception("the platform failed at %s", request.raw_path)
        return _refuse(ServiceFailure(f"the platform failed: {error!r}"))


def _refuse(error: InvokeError) -> web.Response:
    return _response(refusal(error, str(uuid4())))


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
