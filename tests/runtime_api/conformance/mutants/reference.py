"""A small, correct runtime, every step of it a method: a mutant overrides one.

Standard library only, and little of that: it is started for every case there is.
"""

import json
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from time import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

Handler = Callable[[Any, Any], Any]
MUTANTS: dict[str, list[type["Runtime"]]] = {}


def mutant(case_id: str) -> Callable[[type["Runtime"]], type["Runtime"]]:
    """Make a runtime one that fails a case."""

    def declare(runtime: type["Runtime"]) -> type["Runtime"]:
        MUTANTS.setdefault(case_id, []).append(runtime)
        return runtime

    return declare


@dataclass
class Response:
    """What the Runtime API answered; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Context:
    """What a handler learns of its invocation."""

    aws_request_id: str
    deadline_ms: int
    invoked_function_arn: str
    client_context: Any = None
    identity: Any = None
    tenant_id: str | None = None
    function_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    function_version: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_VERSION"])
    memory_limit_in_mb: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    log_group_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_LOG_GROUP_NAME"])
    log_stream_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_LOG_STREAM_NAME"])

    def get_remaining_time_in_millis(self) -> int:
        """Until the deadline, never below 0."""
        return max(0, round(self.deadline_ms - time() * 1000))


def client_context_of(fields: Any) -> Any:  # noqa: ANN401  (the caller's)
    """The client context, with the attributes the Developer Guide names; None where there is none."""
    client = fields and SimpleNamespace(**fields.get("client", {}))
    return fields and SimpleNamespace(custom=fields.get("custom"), env=fields.get("env"), client=client)


def identity_of(fields: dict[str, str]) -> SimpleNamespace:
    """The Cognito identity, of which there may be nothing."""
    ids = [fields.get(name) for name in ("cognitoIdentityId", "cognitoIdentityPoolId")]
    return SimpleNamespace(cognito_identity_id=ids[0], cognito_identity_pool_id=ids[1])


class RuntimeFault(Exception):
    """Something the runtime, not the function, finds wrong; `kind` is its error type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Wire:
    """One connection to the Runtime API, opened when needed, and again when the server has closed it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket: socket.socket | None = None
        self._stream: Any = None

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        """One request, one response; raises OSError."""
        self.send(method, path, headers | ({"Content-Length": str(len(body))} if method == "POST" else {}), body)
        return self.receive()

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """The request's bytes."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in {"Host": self.address, **headers}.items())
        self.connect().sendall(f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode("latin-1") + body)

    def receive(self) -> Response:
        """The response; raises OSError when the connection ends before it."""
        status = int(self._line().split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in self._lines())}
        if status == 100:
            return self.receive()
        response = Response(status, headers, self._body(headers))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return response

    def connect(self) -> socket.socket:
        """The open connection."""
        if self._socket is None:
            host, _, port = self.address.partition(":")
            self._socket = socket.create_connection((host, int(port)))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = self._socket.makefile("rb")
        return self._socket

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._stream.close()
            self._socket.close()
            self._socket = None

    def _lines(self) -> Iterator[str]:
        while line := self._line().strip():
            yield line

    def _line(self) -> str:
        line: bytes = self._stream.readline()
        if not line:
            raise ConnectionError("the Runtime API closed the connection")
        return line.decode("latin-1")

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            body: bytes = self._stream.read(int(headers["content-length"])) if "content-length" in headers else b""
            return body
        chunks = []
        while size := int(self._line(), 16):
            chunks.append(self._stream.read(size))
            self._line()
        self._line()
        return b"".join(chunks)


class Runtime:
    """From start to end; `main` reads like the story it is."""

    version = "2018-06-01"

    # the story

    def main(self) -> None:
        """Load the function, then serve one event after the other until the process is ended."""
        self.wire = Wire(self.address())
        try:
            handler = self.load()
        except BaseException as error:  # whatever the function does
            self.load_failed(error)
            sys.exit(1)
        self.work(handler)

    def work(self, handler: Handler) -> None:
        """Serve one event after the other."""
        while True:
            self.serve(handler)

    def serve(self, handler: Handler) -> None:
        """One event, from poll to answer."""
        event = self.poll()
        if event.status != 200 or "lambda-runtime-aws-request-id" not in event.headers:
            self.next_refused(event)
        else:
            self.invoke(handler, event)

    def invoke(self, handler: Handler, event: Response) -> None:
        """Call the handler, and post what came of it."""
        try:
            body = self.encode(self.call(handler, event))
        except Exception as error:  # whatever the function does
            self.flush_output()
            self.post_error(event, error)
        else:
            self.flush_output()
            self.post_response(event, body)

    # its steps

    def address(self) -> str:
        """Where the Runtime API is."""
        if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
            sys.exit("AWS_LAMBDA_RUNTIME_API is not set")
        return os.environ["AWS_LAMBDA_RUNTIME_API"]

    def handler_name(self) -> str:
        """Which function to load."""
        return os.environ["_HANDLER"]

    def task_root(self) -> str:
        """Where to load it from."""
        return os.environ["LAMBDA_TASK_ROOT"]

    def load(self) -> Handler:
        """The function."""
        module_name, dot, name = self.handler_name().rpartition(".")
        if not dot:
            raise RuntimeFault("Runtime.MalformedHandlerName", f"{name!r} is no module.function")
        sys.path.insert(0, self.task_root())
        try:
            module = import_module(module_name)
        except ImportError as error:
            raise RuntimeFault("Runtime.ImportModuleError", str(error)) from None
        except SyntaxError as error:
            raise RuntimeFault(
                "Runtime.UserCodeSyntaxError", f"{error.msg} ({error.filename}, line {error.lineno})"
            ) from None
        if not hasattr(module, name):
            raise RuntimeFault("Runtime.HandlerNotFound", f"{name} is missing in {module_name}")
        handler: Handler = getattr(module, name)
        return handler

    def load_failed(self, error: BaseException) -> None:
        """Report that the function cannot be loaded."""
        if isinstance(error, SystemExit):
            raise error
        self.request("POST", "/runtime/init/error", self.init_error_headers(error), self.error_body(error))

    def poll(self) -> Response:
        """Wait for an event."""
        return self.request("GET", "/runtime/invocation/next")

    def next_refused(self, answer: Response) -> None:
        """A poll brought no event."""
        sys.exit(f"next was answered {answer.status}")

    def call(self, handler: Handler, event: Response) -> Any:  # noqa: ANN401  (the function's)
        """What the handler returns for the event."""
        trace_id = event.headers.get("lambda-runtime-trace-id", "")
        self.set_trace(trace_id)
        return handler(self.decode(event.body), self.context(event.headers))

    def set_trace(self, trace_id: str) -> None:
        """Tell the function the invocation's trace."""
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
        if not trace_id:
            del os.environ["_X_AMZN_TRACE_ID"]

    def decode(self, body: bytes) -> Any:  # noqa: ANN401  (the caller's)
        """The event of these bytes."""
        return json.loads(body)

    def context(self, headers: dict[str, str]) -> Any:  # noqa: ANN401  (a mutant's may be anything)
        """The handler's context."""
        return Context(
            headers["lambda-runtime-aws-request-id"],
            int(headers.get("lambda-runtime-deadline-ms", 0)),
            headers.get("lambda-runtime-invoked-function-arn", ""),
            client_context_of(json.loads(headers.get("lambda-runtime-client-context", "null"))),
            identity_of(json.loads(headers.get("lambda-runtime-cognito-identity", "{}"))),
            headers.get("lambda-runtime-aws-tenant-id"),
        )

    def encode(self, result: Any) -> bytes:  # noqa: ANN401  (the function's)
        """The bytes of a result."""
        return json.dumps(result, allow_nan=False).encode()

    def flush_output(self) -> None:
        """Let out what the handler printed."""
        sys.stdout.flush()

    def post_response(self, event: Response, body: bytes) -> None:
        """Answer with a success."""
        self.posted(self.request("POST", self.path_of(event, "response"), self.answer_headers(event), body))

    def post_error(self, event: Response, error: Exception) -> None:
        """Answer with an error."""
        headers = self.answer_headers(event) | {"Lambda-Runtime-Function-Error-Type": self.type_of(error)}
        self.posted(self.request("POST", self.path_of(event, "error"), headers, self.error_body(error)))

    def posted(self, answer: Response) -> None:
        """An answer was taken, or not."""
        if answer.status == 500:
            sys.exit("an answer was answered 500")

    def path_of(self, event: Response, what: str) -> str:
        """Where an event is answered."""
        return f"/runtime/invocation/{quote(event.headers['lambda-runtime-aws-request-id'], safe='')}/{what}"

    def answer_headers(self, event: Response) -> dict[str, str]:
        """The headers of an answer."""
        echo = event.headers.get("lambda-runtime-invocation-id")
        return {"Content-Type": "application/json"} | ({"Lambda-Runtime-Invocation-Id": echo} if echo else {})

    def init_error_headers(self, error: BaseException) -> dict[str, str]:
        """The headers of the report that loading failed."""
        return {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": self.type_of(error)}

    def error_body(self, error: BaseException) -> bytes:
        """An error as JSON."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
        trace = traceback.format_list(frames[-100:])
        body = {"errorMessage": self.message_of(error), "errorType": self.type_of(error), "stackTrace": trace}
        return json.dumps(body).encode()

    def message_of(self, error: BaseException) -> str:
        """An error's text, whatever its __str__ does."""
        try:
            return str(error)
        except Exception:  # whatever the function does
            return ""

    def type_of(self, error: BaseException) -> str:
        """The type an error is reported as; printable, because it goes into a header."""
        name = error.kind if isinstance(error, RuntimeFault) else type(error).__name__
        return name if name.isascii() and name.isprintable() else "Function.Unknown"

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Response:
        """One call of the Runtime API."""
        return self.wire.request(method, f"/{self.version}{path}", headers or {}, body)
