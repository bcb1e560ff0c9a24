"""A Starlette app as a function: routes, a lifespan that begins once for each sandbox, work after the answer.

The same app runs under any ASGI server. `event.json` is a request to a function URL; served, the function has one:
http://web-app.lambda-url.localhost:9000/greet/Ada?language=de
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import bootstrap


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, object]]:
    """Begin before the first request, end when the platform ends the sandbox."""
    yield {"greetings": {"en": "Hello", "de": "Hallo"}}
    print("goodbye")


async def greet(request: Request) -> JSONResponse:
    """Greet whom the path names, in the language the query asks for; note it down when the answer is sent."""
    greeting = request.state.greetings.get(request.query_params.get("language", "en"), "Hello")
    name = request.path_params["name"]
    return JSONResponse({"message": f"{greeting}, {name}!"}, background=BackgroundTask(print, "greeted", name))


app = Starlette(lifespan=lifespan, routes=[Route("/greet/{name}", greet)])
handler = bootstrap.asgi(app)
