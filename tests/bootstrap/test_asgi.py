"""ASGI apps as handlers: what the app sees, what comes of its response, its lifespan, what it does afterwards."""

import asyncio
import base64
import json
import signal
from typing import Any

import pytest

import bootstrap

from .fake_runtime_api import FakeRuntimeAPI, Request, http_reply
from .function import Function, Outcome
from .web_events import API_HOST, Event, http_api, load_balancer, rest_api

STARLETTE = """\
import asyncio, contextlib
import bootstrap
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

async def show(request):
    return JSONResponse({
        "path": request.path_params["path"], "query": request.query_params.multi_items(),
        "cookies": request.cookies, "url": str(request.url), "root_path": request.scope["root_path"],
        "client": request.client.host, "body": (await request.body()).decode("latin-1"), "method": request.method,
        "header": request.headers.getlist("x-many"), "state": request.state.opened,
        "id": request.scope["aws.context"].aws_request_id, "event": sorted(request.scope["aws.event"])[0],
        "current": bootstrap.current_context().aws_request_id, "made": str(request.url_for("cookies")),
    })

async def cookies(request):
    response = PlainTextResponse("ok", 201)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response

async def background(request):
    async def work():
        await asyncio.sleep(0.01)
        print("background done")
        if request.query_params:
            raise ValueError("afterwards")
    return PlainTextResponse("answered", background=BackgroundTask(work))

async def stream(request):
    async def pieces():
        for number in range(3):
            yield f"piece {number};"
            await asyncio.sleep(0)
        if request.query_params:
            raise ValueError("amid")
    return StreamingResponse(pieces(), background=BackgroundTask(print, "after the stream"))

def boom(request):
    raise KeyError("boom")

class Touch(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-touched"] = "yes"
        return response

@contextlib.asynccontextmanager
async def lifespan(app):
    print("startup")
    yield {"opened": ["once"]}
    await asyncio.sleep(0)
    print("shutdown")

app = Starlette(lifespan=lifespan, routes=[
    Route("/show/{path:path}", show, methods=["GET", "POST", "PUT"]),
    Route("/cookies", cookies, name="cookies"),
    Route("/redirect", lambda request: RedirectResponse("/cookies")),
    Route("/binary", lambda request: Response(bytes(range(256)), media_type="image/png")),
    Route("/empty", lambda request: Response(status_code=204)),
    Route("/background", background),
    Route("/stream", stream),
    Route("/boom", boom),
    Mount("/mounted", app=Starlette(routes=[Route("/in", lambda request: PlainTextResponse(str(request.url)))])),
])
"""


def _send(api: FakeRuntimeAPI, *events: Event) -> None:
    for number, event in enumerate(events):
        api.event(json.dumps(event).encode(), f"id-{number}")


def _answers(outcome: Outcome) -> list[Request]:
    """What was posted for invocations; an app with a lifespan registers an extension, too."""
    return [post for post in outcome.posts if "/invocation/" in post.path]


def _body(post: Request) -> Any:  # noqa: ANN401 - tests look into it as they please
    return json.loads(post.json()["body"])


def test_starlette_answers_every_source(function: Function, api: FakeRuntimeAPI) -> None:
    """Path, query, cookies, body, client, URL, state, event and context are those of the request."""
    function.write(STARLETTE + "handler = bootstrap.asgi(app)\n")
    odd = "a=%C3%A9&a=1+2&b=%26%3D&c"
    body = b"\xff\x00body"
    _send(
        api,
        http_api("/show/a%20b/%C3%A9", "POST", query=odd, cookies=["k=v"], body=body, headers={"x-many": "1, 2"}),
        rest_api("/show/a%2Bb", "PUT", query={"a": ["é", "1 2"], "b": ["&="]}, body="é", stage="prod"),
        load_balancer("/show/x", query={"a": ["%C3%A9"], "b": ["%26%3D"]}),
        load_balancer("/show/x", query={"a": ["%C3%A9", "1+2"]}, headers={"x-many": ["1", "2"]}, multi=True),
        http_api("/dev/show/y", stage="dev", domain=API_HOST),
    )
    outcome = function.run()
    assert {post.json()["statusCode"] for post in _answers(outcome)} == {200}, outcome.stdout
    first, second, third, fourth, fifth = (_body(post) for post in _answers(outcome))
    assert (first["path"], first["cookies"], first["method"]) == ("a b/é", {"k": "v"}, "POST")
    assert first["query"] == [["a", "é"], ["a", "1 2"], ["b", "&="], ["c", ""]]
    assert (first["body"], first["header"], first["client"]) == (body.decode("latin-1"), ["1, 2"], "192.0.2.1")
    assert (first["id"], first["current"], first["event"], first["state"]) == ("id-0", "id-0", "body", ["once"])
    assert (second["path"], second["query"]) == ("a+b", [["a", "é"], ["a", "1 2"], ["b", "&="]])
    assert (second["root_path"], second["made"]) == ("/prod", f"https://{API_HOST}/prod/cookies")
    assert second["body"].encode("latin-1") == "é".encode()
    assert (third["query"], third["url"]) == (
        [["a", "é"], ["b", "&="]],
        "http://lb.example.com/show/x?a=%C3%A9&b=%26%3D",
    )
    assert (fourth["query"], fourth["header"]) == ([["a", "é"], ["a", "1 2"]], ["1", "2"])
    assert (fifth["root_path"], fifth["url"]) == ("/dev", f"https://{API_HOST}/dev/show/y")
    assert outcome.stdout.count("startup") == 1


def test_starlette_responses_become_results(function: Function, api: FakeRuntimeAPI) -> None:
    """Cookies, redirects, binary bodies, 204, HEAD, mounts, 404 and a body made piece by piece."""
    function.write(STARLETTE + "handler = bootstrap.asgi(app)\n")
    paths = ("/cookies", "/redirect", "/binary", "/empty", "/mounted/in", "/nowhere", "/stream")
    _send(api, *map(http_api, paths), http_api("/cookies", "HEAD"), load_balancer("/cookies", multi=True))
    answers = [post.json() for post in _answers(function.run())]
    cookies, redirect, binary, empty, mounted, nowhere, stream, head, balanced = answers
    assert (cookies["statusCode"], len(cookies["cookies"]), cookies["body"]) == (201, 2, "ok")
    assert (redirect["statusCode"], redirect["headers"]["location"]) == (307, "/cookies")
    assert base64.b64decode(binary["body"]) == bytes(range(256))
    assert (empty["statusCode"], empty["body"], empty["isBase64Encoded"]) == (204, "", False)
    assert mounted["body"].endswith("/mounted/in")
    assert nowhere["statusCode"] == 404
    assert stream["body"] == "piece 0;piece 1;piece 2;"
    assert (head["body"], head["headers"]["content-length"]) == ("", "2")
    assert len(balanced["multiValueHeaders"]["set-cookie"]) == 2
    assert balanced["statusDescription"] == "201 Created"


def test_background_tasks_run_after_the_answer_and_before_the_next_event(
    function: Function, api: FakeRuntimeAPI
) -> None:
    """Their errors are logged and change nothing."""
    function.write(STARLETTE + "handler = bootstrap.asgi(app)\n")
    seen: list[str] = []
    api.on_post = lambda: seen.append(function.stdout())
    _send(api, http_api("/background"), http_api("/background", query="fail=1"), http_api("/cookies"))
    outcome = function.run()
    assert [post.json()["statusCode"] for post in _answers(outcome)] == [200, 200, 201]
    assert [text.count("background done") for text in seen[-3:]] == [0, 1, 2]
    assert "ValueError: afterwards" in outcome.stdout


def test_an_error_of_the_app_is_one_of_the_function(function: Function, api: FakeRuntimeAPI) -> None:
    """What the app raises before its response is reported with the app's frames; Starlette answers 500 first."""
    function.write("""
        import bootstrap
        async def app(scope, receive, send):
            if scope["type"] == "http":
                raise KeyError(scope["path"])
        handler = bootstrap.asgi(app)
        """)
    _send(api, http_api("/x"), http_api("/y"))
    for post, path in zip(_answers(function.run()), ("/x", "/y"), strict=True):
        error = post.json()
        assert (post.path.rpartition("/")[2], error["errorType"]) == ("error", "KeyError")
        assert error["errorMessage"] == f"'{path}'"
        assert "app.py" in error["stackTrace"][0]


def test_starlette_answers_500_and_the_error_is_in_the_log(function: Function, api: FakeRuntimeAPI) -> None:
    """Its error middleware sends the response and raises afterwards, as it does with servers."""
    function.write(STARLETTE + "handler = bootstrap.asgi(app)\n")
    _send(api, http_api("/boom"))
    outcome = function.run()
    assert _answers(outcome)[0].json()["statusCode"] == 500
    assert "KeyError" in outcome.stdout


def test_middleware_and_streams(function: Function, api: FakeRuntimeAPI) -> None:
    """A streamed answer: head first, then each piece; middleware that wraps the response works."""
    function.write(STARLETTE + "app.add_middleware(Touch)\nhandler = bootstrap.asgi(app, stream=True)\n")
    events = (
        http_api("/stream"),
        http_api("/cookies"),
        http_api("/empty"),
        rest_api("/stream"),
        http_api("/stream", "HEAD"),
    )
    _send(api, *events)
    outcome = function.run()
    stream, cookies, empty, rest, head = (_split(post) for post in _answers(outcome))
    assert stream[0]["headers"]["x-touched"] == "yes"
    assert (stream[1], rest[1], head[1]) == (b"piece 0;piece 1;piece 2;", b"piece 0;piece 1;piece 2;", b"")
    assert len(_answers(outcome)[0].chunks) == 3
    assert (cookies[0]["statusCode"], len(cookies[0]["cookies"]), cookies[1]) == (201, 2, b"ok")
    assert (empty[0]["statusCode"], empty[1]) == (204, b"")
    assert outcome.stdout.count("after the stream") == 3


def test_an_error_amid_a_streamed_body_goes_into_the_trailers(function: Function, api: FakeRuntimeAPI) -> None:
    """The caller can tell that the body is not whole."""
    function.write(STARLETTE + "handler = bootstrap.asgi(app, stream=True)\n")
    _send(api, http_api("/stream", query="fail=1"))
    post = _answers(function.run())[0]
    assert _split(post)[1] == b"piece 0;piece 1;piece 2;"
    assert post.trailers["lambda-runtime-function-error-type"] == "ValueError"


def test_a_reader_that_leaves_is_a_disconnect_for_the_app(function: Function, api: FakeRuntimeAPI) -> None:
    """Its send raises, its receive tells; the loop goes on, and nothing is reported as the function's error."""
    function.write("""
        import bootstrap
        async def app(scope, receive, send):
            assert scope["type"] == "http"
            await receive()
            await send({"type": "http.response.start", "status": 200})
            try:
                while True:
                    await send({"type": "http.response.body", "body": bytes(50_000), "more_body": True})
            finally:
                print((await receive())["type"])
        handler = bootstrap.asgi(app, stream=True)
        """)
    api.early_reply(http_reply(413, {}, b"too large"))
    _send(
        api,
        http_api(),
    )
    outcome = function.run()
    assert "http.disconnect" in outcome.stdout
    assert outcome.stderr == "pilotlight: the Runtime API refused a streamed response with 413 too large\n"
    assert [request.method for request in api.requests] == ["GET", "POST", "GET"]


RAW = """\
import asyncio, bootstrap
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(scope, receive, send)
    request = await receive()
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
    await send(start)
    await send({"type": "http.response.body", "body": request["body"], "more_body": True})
    await send({"type": "http.response.body", "body": str(scope.get("state")).encode()})
    print((await receive())["type"])
async def lifespan(scope, receive, send):
    assert (await receive())["type"] == "lifespan.startup"
    scope["state"]["a"] = 1
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    print("ends")
    await send({"type": "lifespan.shutdown.complete"})
"""


def test_a_bare_app_on_every_interpreter(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Request, state, response and disconnect, without any framework; shutdown at SIGTERM."""
    any_python.write(RAW + "handler = bootstrap.asgi(app)\n")
    _send(api, http_api(body="one "), http_api(body="two "))
    outcome = any_python.run()
    assert [post.json()["body"] for post in _answers(outcome)] == ["one {'a': 1}", "two {'a': 1}"]
    assert outcome.stdout == "http.disconnect\nhttp.disconnect\nends\n"
    assert outcome.status == -signal.SIGTERM


@pytest.mark.parametrize("lifespan", ["auto", "off"])
def test_an_app_without_a_lifespan(function: Function, api: FakeRuntimeAPI, lifespan: str) -> None:
    """It raises when asked, or is not asked; either way it serves, and says nothing of it."""
    function.write(f"""
        import bootstrap
        async def app(scope, receive, send):
            if scope["type"] != "http":
                print("asked")
                raise ValueError("only http")
            await send({{"type": "http.response.start", "status": 200, "headers": []}})
            await send({{"type": "http.response.body"}})
        handler = bootstrap.asgi(app, lifespan="{lifespan}")
        """)
    _send(api, http_api())
    outcome = function.run()
    assert _answers(outcome)[0].json()["statusCode"] == 200
    assert (outcome.stdout, outcome.stderr) == ("asked\n" if lifespan == "auto" else "", "")


@pytest.mark.parametrize(
    ("startup", "lifespan", "error_type", "message"),
    [
        ("raise ValueError('no database')", "on", "ValueError", "no database"),
        ("return", "on", "RuntimeError", "the app has no answer to lifespan.startup"),
        ("await send({'type': 'lifespan.startup.failed', 'message': 'why'})", "auto", "RuntimeError", "why"),
        (
            "await send({'type': 'lifespan.startup.failed', 'message': 'why'}); raise KeyError('more')",
            "auto",
            "KeyError",
            "'more'",
        ),
        ("await send({'type': 'lifespan.startup.failed'}); await receive()", "auto", "RuntimeError", None),
    ],
)
def test_a_startup_that_fails_is_an_init_error(
    function: Function, api: FakeRuntimeAPI, startup: str, lifespan: str, error_type: str, message: str | None
) -> None:
    """With the exception where there is one, else with the app's message."""
    function.write(f"""
        import bootstrap
        async def app(scope, receive, send):
            await receive()
            {startup}
        handler = bootstrap.asgi(app, lifespan="{lifespan}")
        """)
    outcome = function.run()
    assert outcome.post.path == "/2018-06-01/runtime/init/error"
    assert outcome.post.json()["errorType"] == error_type
    assert outcome.post.json()["errorMessage"] == (message or "the app has no answer to lifespan.startup")
    assert outcome.status == 1


def test_a_handler_of_the_function_may_call_the_app(function: Function, api: FakeRuntimeAPI) -> None:
    """For functions with several sources of events; the lifespan then begins with the first request."""
    function.write(
        RAW
        + "web = bootstrap.asgi(app)\n"
        + "def handler(event, context):\n    return web(event, context) if 'requestContext' in event else 'other'\n"
    )
    _send(api, {}, http_api(body="x "), http_api(body="y "))
    outcome = function.run()
    bodies = [post.json() for post in _answers(outcome)]
    assert [bodies[0], bodies[1]["body"], bodies[2]["body"]] == ["other", "x {'a': 1}", "y {'a': 1}"]


def test_many_requests_at_once(function: Function, api: FakeRuntimeAPI) -> None:
    """Requests of one process wait for each other; each knows its own invocation, after its response too."""
    function.write("""
        import asyncio, bootstrap
        seen = []
        async def app(scope, receive, send):
            assert scope["type"] == "http"
            seen.append(scope["path"])
            while len(seen) < 3:
                await asyncio.sleep(0)
            own = bootstrap.current_context().aws_request_id
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": own.encode()})
            await asyncio.sleep(0.01)
            assert bootstrap.current_context().aws_request_id == own
            print("after", own)
        handler = bootstrap.asgi(app)
        """)
    function.environ["AWS_LAMBDA_MAX_CONCURRENCY"] = "3"
    _send(api, http_api("/0"), http_api("/1"), http_api("/2"))
    outcome = function.run()
    assert sorted(post.json()["body"] for post in _answers(outcome)) == ["id-0", "id-1", "id-2"], outcome.stdout
    assert all(post.json()["body"] in post.path for post in _answers(outcome))


@pytest.mark.parametrize("concurrency", ["", "2"])
def test_an_app_that_ends_the_process(function: Function, api: FakeRuntimeAPI, concurrency: str) -> None:
    """Its invocation is answered first, and the status is the app's."""
    function.write("""
        import bootstrap, sys
        async def app(scope, receive, send):
            assert scope["type"] == "http"
            sys.exit(3)
        handler = bootstrap.asgi(app)
        """)
    if concurrency:
        function.environ |= {"AWS_LAMBDA_MAX_CONCURRENCY": concurrency, "PILOTLIGHT_CONCURRENCY_MODE": "async"}
    _send(api, http_api())
    function.start()
    outcome = function.outcome()
    assert (outcome.post.json()["errorType"], outcome.status) == ("SystemExit", 3)


def test_fastapi(function: Function, api: FakeRuntimeAPI) -> None:
    """Models, dependencies, sync routes in threads, validation errors and exceptions of its own."""
    function.write("""
        import bootstrap
        from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException
        from pydantic import BaseModel
        class Item(BaseModel):
            name: str
            price: float
        app = FastAPI()
        def user(token: str = "nobody"):
            return token.upper()
        @app.post("/items", status_code=201)
        async def create(item: Item, tasks: BackgroundTasks, who: str = Depends(user)):
            tasks.add_task(print, "noted", item.name)
            return {"item": item, "who": who, "id": bootstrap.current_context().aws_request_id}
        @app.get("/sync/{number}")
        def plain(number: int):
            if number < 0:
                raise HTTPException(418, "negative")
            return [number, bootstrap.current_context().aws_request_id]
        handler = bootstrap.asgi(app)
        """)
    item = json.dumps({"name": "é", "price": 1.5})
    json_type = {"content-type": "application/json"}
    _send(
        api,
        http_api("/items", "POST", query="token=ada", body=item, headers=json_type),
        http_api("/items", "POST", body="{}", headers=json_type),
        http_api("/sync/7"),
        http_api("/sync/-1"),
        http_api("/openapi.json"),
    )
    outcome = function.run()
    assert [post.json()["statusCode"] for post in _answers(outcome)] == [201, 422, 200, 418, 200]
    assert _body(_answers(outcome)[0]) == {"item": {"name": "é", "price": 1.5}, "who": "ADA", "id": "id-0"}
    assert _body(_answers(outcome)[2]) == [7, "id-2"]
    assert "noted é" in outcome.stdout


def _split(post: Request) -> tuple[Any, bytes]:
    head, end, body = post.body.partition(b"\0" * 8)
    assert end, post
    return json.loads(head), body


async def _bare(scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
    assert scope["type"] == "http"
    for message in scope["aws.event"]["messages"]:
        await send(message)


START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"x"}


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], "the app returned before its response was complete"),
        ([START], "the app returned before its response was complete"),
        ([START, BODY | {"more_body": True}], "the app returned before its response was complete"),
        ([BODY], "unexpected ASGI message 'http.response.body'"),
        ([START, START], "unexpected ASGI message 'http.response.start'"),
        ([START, BODY, BODY], "unexpected ASGI message 'http.response.body'"),
        ([{"type": "websocket.accept"}], "unexpected ASGI message 'websocket.accept'"),
    ],
)
def test_a_response_out_of_turn_is_an_error(messages: list[object], error: str) -> None:
    """The messages of a response come in their order, and all of them."""
    handler: Any = bootstrap.asgi(_bare)
    with pytest.raises(RuntimeError, match=error):
        asyncio.run(handler(http_api() | {"messages": messages}, None))


def test_a_handler_can_be_called_by_a_test_of_the_function() -> None:
    """Without a sandbox; what the app does after its response is done when the call returns."""
    done = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
        await send(START)
        await send(BODY)
        await asyncio.sleep(0)
        done.append(True)

    handler: Any = bootstrap.asgi(app, lifespan="off")
    answer = asyncio.run(handler(http_api(), None))
    assert (answer["body"], done) == ("x", [True])


def test_an_unknown_lifespan_is_refused() -> None:
    """Where the handler is made."""
    with pytest.raises(ValueError, match="lifespan is one of auto, on, off, not 'yes'"):
        bootstrap.asgi(_bare, lifespan="yes")  # type: ignore[arg-type]


def test_an_app_of_the_other_kind_is_told_at_once(function: Function, api: FakeRuntimeAPI) -> None:
    """The init error names the function that takes it."""
    function.write("""
        import bootstrap
        from flask import Flask

        handler = bootstrap.asgi(Flask(__name__))
        """)
    error = function.run().post.json()
    assert error["errorMessage"] == "Flask is a WSGI app: use bootstrap.wsgi"


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_modules_of_the_function_named_like_the_library_do_no_harm(
    function: Function, api: FakeRuntimeAPI, kind: str
) -> None:
    """Neither to the handler around an app of either kind nor to the app."""
    for name in ("asyncio", "enum", "http", "types", "typing", "urllib"):
        function.write("NAME = 'mine'\n", f"{name}.py")
    function.write("""
        import bootstrap, http

        async def answer_asgi(scope, receive, send):
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": http.NAME.encode()})

        def answer_wsgi(environ, start_response):
            start_response("200 OK", [])
            return [http.NAME.encode()]

        asgi = bootstrap.asgi(answer_asgi, lifespan="off")
        wsgi = bootstrap.wsgi(answer_wsgi)
        """)
    function.environ["_HANDLER"] = f"app.{kind}"
    api.event(json.dumps(http_api()).encode())
    assert function.run().post.json()["body"] == "mine"
