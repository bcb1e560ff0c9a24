"""WSGI apps as handlers: the environ, start_response, the body and its end."""

import base64
import json
from typing import Any

import pytest

import bootstrap

from .fake_runtime_api import FakeRuntimeAPI, Request, http_reply
from .function import Function
from .web_events import API_HOST, Event, http_api, load_balancer, rest_api

BARE = """\
import bootstrap, sys
class Body:
    def __init__(self, pieces):
        self.pieces = iter(pieces)
    def __iter__(self):
        return self.pieces
    def close(self):
        print("closed")
def app(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=b")])
    write(b"written ")
    return Body([environ["wsgi.input"].read(), b"", b" end"])
"""


def _send(api: FakeRuntimeAPI, *events: Event) -> None:
    for number, event in enumerate(events):
        api.event(json.dumps(event).encode(), f"id-{number}")


def _split(post: Request) -> tuple[Any, bytes]:
    head, end, body = post.body.partition(b"\0" * 8)
    assert end, post
    return json.loads(head), body


def test_a_bare_app_on_every_interpreter(any_python: Function, api: FakeRuntimeAPI) -> None:
    """write(), the iterable, and close(), which comes once the answer is sent."""
    any_python.write(BARE + "handler = bootstrap.wsgi(app)\n")
    seen: list[str] = []
    api.on_post = lambda: seen.append(any_python.stdout())
    _send(api, http_api(body="body"), load_balancer(body=b"\xff"))
    outcome = any_python.run()
    first, second = (post.json() for post in outcome.posts)
    assert (first["body"], first["cookies"]) == ("written body end", ["a=b"])
    assert base64.b64decode(second["body"]) == b"written \xff end"
    assert seen == ["", "closed\n"]
    assert outcome.stdout == "closed\nclosed\n"


def test_a_streamed_body(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Head first, then each piece as the app gives it."""
    any_python.write(BARE + "handler = bootstrap.wsgi(app, stream=True)\n")
    _send(api, http_api(body="body"), http_api(method="HEAD"))
    outcome = any_python.run()
    full, head = outcome.posts
    assert _split(full) == (
        {"statusCode": 200, "headers": {"content-type": "text/plain"}, "cookies": ["a=b"]},
        b"written body end",
    )
    assert len(full.chunks) == 3
    assert _split(head)[1] == b""
    assert outcome.stdout == "closed\nclosed\n"


def test_a_reader_that_leaves_ends_the_body(function: Function, api: FakeRuntimeAPI) -> None:
    """The iterable is closed, one line is said, and the loop goes on."""
    function.write(
        BARE
        + "import itertools\n"
        + "def endless(environ, start_response):\n"
        + "    start_response('200 OK', [])\n"
        + "    return Body(itertools.repeat(bytes(50_000)))\n"
        + "handler = bootstrap.wsgi(endless, stream=True)\n"
    )
    api.early_reply(http_reply(413, {}, b"too large"))
    _send(api, http_api())
    outcome = function.run()
    assert outcome.stdout == "closed\n"
    assert outcome.stderr == "pilotlight: the Runtime API refused a streamed response with 413 too large\n"
    assert [request.method for request in api.requests] == ["GET", "POST", "GET"]


def _environ(event: Event, base_path: str = "") -> dict[str, Any]:
    """What an app is called with."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ANN401
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    bootstrap.wsgi(app, base_path=base_path)(event, "context")
    return seen


def test_the_environ_is_that_of_pep_3333() -> None:
    """Paths decoded to Latin-1, headers joined, body and lengths, server and client."""
    event = http_api(
        "/v1/a%20b/%C3%A9%2F",
        "POST",
        query="q=%C3%A9",
        headers={"content-type": "text/plain", "x-a": "1", "x_a": "forged", "x-é": "é"},
        cookies=["a=b", "c=d"],
        body="é",
    )
    environ = _environ(event, base_path="/v1")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/v1", "/a b/Ã©/")
    assert (environ["QUERY_STRING"], environ["REQUEST_URI"]) == ("q=%C3%A9", "/v1/a%20b/%C3%A9%2F?q=%C3%A9")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "2")
    assert (environ["HTTP_X_A"], environ["HTTP_COOKIE"], environ["HTTP_X_É"]) == ("1", "a=b; c=d", "é")
    assert (environ["SERVER_PORT"], environ["REMOTE_ADDR"]) == ("443", "192.0.2.1")
    assert (environ["wsgi.url_scheme"], environ["wsgi.multithread"], environ["wsgi.run_once"]) == (
        "https",
        False,
        False,
    )
    assert environ["wsgi.input"].read() == "é".encode()
    assert (environ["aws.event"], environ["aws.context"]) == (event, "context")
    assert "HTTP_CONTENT_TYPE" not in environ


def test_several_headers_of_one_name_are_joined() -> None:
    """With commas, and cookies with semicolons."""
    environ = _environ(rest_api(headers={"X-A": ["1", "2"], "Cookie": ["a=b", "c=d"]}, stage="prod"))
    assert (environ["HTTP_X_A"], environ["HTTP_COOKIE"]) == ("1,2", "a=b; c=d")
    assert (environ["SCRIPT_NAME"], environ["SERVER_NAME"]) == ("/prod", API_HOST)
    assert "CONTENT_TYPE" not in environ


def _answer(app: Any) -> Any:  # noqa: ANN401
    return bootstrap.wsgi(app)(http_api(), None)


def test_the_head_can_be_replaced_for_an_error_until_the_body_begins() -> None:
    """With exc_info; afterwards that exception is raised."""

    def app(_environ: object, start_response: Any) -> Any:  # noqa: ANN401
        start_response("200 OK", [])
        try:
            raise ValueError("early")
        except ValueError as error:
            start_response("500 Oh", [("x", "y")], (type(error), error, error.__traceback__))
        yield b"body"

    assert (_answer(app)["statusCode"], _answer(app)["headers"]) == (500, {"x": "y"})

    def late(_environ: object, start_response: Any) -> Any:  # noqa: ANN401
        start_response("200 OK", [])
        yield b"body"
        try:
            raise ValueError("late")
        except ValueError as error:
            start_response("500 Oh", [], (type(error), error, error.__traceback__))

    with pytest.raises(ValueError, match="late"):
        _answer(late)


def _started_twice(_environ: object, start_response: Any) -> list[bytes]:  # noqa: ANN401
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def _text(_environ: object, start_response: Any) -> list[Any]:  # noqa: ANN401
    start_response("200 OK", [])
    return ["text"]


@pytest.mark.parametrize(
    ("app", "message"),
    [
        (lambda _environ, _start: [], "the app did not call start_response"),
        (lambda _environ, _start: [b"body"], "the app did not call start_response"),
        (_started_twice, r"start_response\(\) was called twice"),
        (_text, "the body of a WSGI response is bytes, not str"),
    ],
)
def test_an_app_that_breaks_the_rules_is_an_error(app: Any, message: str) -> None:  # noqa: ANN401
    """Said in words, not as a response that is half of one."""
    with pytest.raises((AssertionError, TypeError), match=message):
        _answer(app)


def test_the_body_is_closed_after_an_error_too(function: Function, api: FakeRuntimeAPI) -> None:
    """The error is the function's, the iterable is closed before the next event."""
    function.write(
        BARE
        + "def failing(environ, start_response):\n"
        + "    start_response('200 OK', [])\n"
        + "    return Body(1 / 0 for _ in 'a')\n"
        + "handler = bootstrap.wsgi(failing)\n"
    )
    _send(api, http_api())
    outcome = function.run()
    assert outcome.post.json()["errorType"] == "ZeroDivisionError"
    assert outcome.stdout.endswith("closed\n")


FLASK = """\
import bootstrap, time
from flask import Flask, Response, g, jsonify, make_response, redirect, request, stream_with_context, url_for
app = Flask("app")
@app.route("/show/<path:path>", methods=["GET", "POST"])
def show(path):
    return jsonify(path=path, args=request.args.to_dict(flat=False), form=request.form.to_dict(), url=request.url,
                   cookies=request.cookies, id=request.environ["aws.context"].aws_request_id,
                   current=bootstrap.current_context().aws_request_id, made=url_for("cookies", _external=True),
                   data=request.get_data(as_text=True), remote=request.remote_addr)
@app.route("/cookies")
def cookies():
    response = make_response("ok", 201)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response
@app.route("/redirect")
def away():
    return redirect(url_for("cookies"))
@app.route("/binary")
def binary():
    return Response(bytes(range(256)), mimetype="application/octet-stream")
@app.route("/stream")
def stream():
    @stream_with_context
    def pieces():
        for number in range(3):
            yield f"{request.path} {number};"
        if request.args:
            raise ValueError("amid")
    response = Response(pieces())
    response.call_on_close(lambda: print("after the stream"))
    return response
@app.route("/boom")
def boom():
    raise KeyError("boom")
@app.teardown_request
def teardown(error):
    print("teardown", type(error).__name__)
"""


def test_flask_answers_every_source(function: Function, api: FakeRuntimeAPI) -> None:
    """Path, query, form, cookies and URL are those of the request."""
    function.write(FLASK + "handler = bootstrap.wsgi(app)\n")
    form = {"content-type": "application/x-www-form-urlencoded"}
    _send(
        api,
        http_api(
            "/show/a%20b/%C3%A9", "POST", query="a=%C3%A9&a=1+2", cookies=["k=v"], body=b"x=%C3%A9&y=1", headers=form
        ),
        rest_api("/show/a", query={"a": ["é", "&="]}, stage="prod"),
        load_balancer("/show/a", query={"a": ["%26%3D"]}),
        http_api("/cookies"),
        http_api("/redirect"),
        http_api("/binary"),
        http_api("/stream"),
        http_api("/boom"),
        http_api("/cookies", "HEAD"),
    )
    outcome = function.run()
    answers = [post.json() for post in outcome.posts]
    first, second, third = (json.loads(answer["body"]) for answer in answers[:3])
    assert (first["path"], first["args"], first["form"]) == ("a b/é", {"a": ["é", "1 2"]}, {"x": "é", "y": "1"})
    assert (first["cookies"], first["id"], first["current"]) == ({"k": "v"}, "id-0", "id-0")
    assert (first["remote"], first["data"]) == ("192.0.2.1", "")
    assert (second["args"], second["made"]) == ({"a": ["é", "&="]}, f"https://{API_HOST}/prod/cookies")
    assert (third["args"], third["url"]) == ({"a": ["&="]}, "http://lb.example.com/show/a?a=%26%3D")
    cookies, redirect, binary, stream, boom, head = answers[3:]
    assert (cookies["statusCode"], len(cookies["cookies"]), cookies["body"]) == (201, 2, "ok")
    assert (redirect["statusCode"], redirect["headers"]["location"]) == (302, "/cookies")
    assert base64.b64decode(binary["body"]) == bytes(range(256))
    assert stream["body"] == "/stream 0;/stream 1;/stream 2;"
    assert (boom["statusCode"], head["body"], head["headers"]["content-length"]) == (500, "", "2")


def test_flask_streams(function: Function, api: FakeRuntimeAPI) -> None:
    """Each piece is a chunk, and what is to be done when the response is closed follows the answer."""
    function.write(FLASK + "handler = bootstrap.wsgi(app, stream=True)\n")
    _send(api, http_api("/stream"), http_api("/stream", query="fail=1"), http_api("/cookies"))
    outcome = function.run()
    whole, failed, cookies = outcome.posts
    assert _split(whole)[1] == b"/stream 0;/stream 1;/stream 2;"
    assert failed.trailers["lambda-runtime-function-error-type"] == "ValueError"
    assert len(_split(cookies)[0]["cookies"]) == 2
    assert outcome.stdout.count("after the stream") == 2


def test_an_app_of_the_other_kind_is_told_at_once(function: Function, api: FakeRuntimeAPI) -> None:
    """The init error names the function that takes it."""
    function.write("""
        import bootstrap
        from fastapi import FastAPI

        handler = bootstrap.wsgi(FastAPI())
        """)
    error = function.run().post.json()
    assert error["errorMessage"] == "FastAPI is an ASGI app: use bootstrap.asgi"
