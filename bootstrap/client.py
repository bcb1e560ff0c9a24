"""Client: the Runtime API as calls. Hold an invocation to answer it; it can be answered once.

What a status means (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html): 2xx is taken. 4xx on an answer
concerns that answer only, so it is said on stderr and the loop goes on; posting something else for the same
invocation would be refused too. 5xx is a broken sandbox: the process ends. 4xx and 5xx on `next` may pass, so it asks
again a few times, ever more slowly, before that ends the process too; so does, at once, whatever else is no event.

The class and its post_… methods carry the names AWS's own client has, because monitoring tools replace them.
"""

import sys
from time import sleep

from . import __version__
from .errors import AnsweredTwiceError, SandboxError
from .logs import complain
from .payload import Marshaller
from .wire import JOIN_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .wire import Connection, Reply

API = "/2018-06-01/runtime"
HEADER_CLIENT_CONTEXT = "lambda-runtime-client-context"
HEADER_COGNITO_IDENTITY = "lambda-runtime-cognito-identity"
HEADER_CONTENT_TYPE = "content-type"
HEADER_DEADLINE_MS = "lambda-runtime-deadline-ms"
HEADER_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
HEADER_ERROR_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
HEADER_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
HEADER_FUNCTION_ARN = "lambda-runtime-invoked-function-arn"
HEADER_INVOCATION_ID = "lambda-runtime-invocation-id"
HEADER_REQUEST_ID = "lambda-runtime-aws-request-id"
HEADER_RESPONSE_MODE = "Lambda-Runtime-Function-Response-Mode"
HEADER_TENANT_ID = "lambda-runtime-aws-tenant-id"
HEADER_TRACE_ID = "lambda-runtime-trace-id"
JSON = "application/json"
HEADER_VALUE_CHARS_MAX = 256
# In all less than the two seconds within which whoever is refused ought to be gone.
NEXT_PAUSES_S = (0.1, 0.2, 0.4)
# What stands for itself in a path: https://www.rfc-editor.org/rfc/rfc3986#section-2.3
UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
STREAM_HEADERS = (
    f"{HEADER_RESPONSE_MODE}: streaming\r\nTransfer-Encoding: chunked\r\n"
    f"Trailer: {HEADER_ERROR_TYPE}\r\nTrailer: {HEADER_ERROR_BODY}\r\n"
)


class LambdaRuntimeClient:
    """The calls of the Runtime API over one connection.

    `marshaller` turns events into values and results into bodies. It belongs to the class, where a function may put its
    own in place; error reports are always written by `error_marshaller`.
    """

    marshaller = error_marshaller = Marshaller(ascii_only=True)

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self._common = f" HTTP/1.1\r\nHost: {connection.address}\r\nUser-Agent: {_user_agent()}\r\n"
        self._next_request = f"GET {API}/invocation/next{self._common}\r\n".encode()

    def next(self) -> "Invocation":
        """Wait for an invocation, however long that takes. Raises SandboxError when there will be none."""
        reply = self._ask()
        if reply.status != 200:
            reply = self._ask_again(reply)
        if not reply.headers.get(HEADER_REQUEST_ID):
            raise SandboxError(f"the Runtime API sent an event without {HEADER_REQUEST_ID}: it could not be answered")
        return Invocation(self, reply.headers, reply.body)

    def _ask(self) -> "Reply":
        return self.connection.exchange(self._next_request, repeatable=True)

    def _ask_again(self, reply: "Reply") -> "Reply":
        for pause_s in NEXT_PAUSES_S:
            if reply.status < 400:
                break  # neither an event nor a trouble that passes
            sleep(pause_s)
            reply = self._ask()
        if reply.status != 200:
            raise SandboxError(f"the Runtime API answered {_summary(reply)} to next")
        return reply

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: "bytes | str",
        content_type: str = JSON,
        invocation_id: "str | None" = None,
    ) -> None:
        """Answer an invocation with the function's result."""
        self.post(f"{API}{_invocation_path(invoke_id)}/response", content_type, _echo(invocation_id), result_data)

    def post_invocation_error(
        self,
        invoke_id: str,
        error_response_data: "bytes | str",
        xray_fault: str,
        invocation_id: "str | None" = None,
        error_type: str = "",
    ) -> None:
        """Answer an invocation with an error report; `xray_fault` is X-Ray's JSON on one line of ASCII."""
        headers = _error_type(error_type)
        if xray_fault:
            headers += f"{HEADER_ERROR_CAUSE}: {xray_fault}\r\n"
        path = f"{API}{_invocation_path(invoke_id)}/error"
        self.post(path, JSON, headers + _echo(invocation_id), error_response_data)

    def post_init_error(
        self, error_response_data: "dict[str, object]", error_type_override: "str | None" = None
    ) -> None:
        """Report that the function could not be loaded; the data are the fields of the report."""
        error_type = error_type_override or str(error_response_data.get("errorType"))
        body = self.error_marshaller.to_json(error_response_data)
        self.post(f"{API}/init/error", JSON, _error_type(error_type), body)

    def restore_next(self) -> None:
        """Wait for the restore of a snapshot, which is taken meanwhile. Raises SandboxError."""
        head = f"GET {API}/restore/next{self._common}\r\n"
        reply = self.connection.exchange(head.encode(), repeatable=True)
        if reply.status != 200:
            raise SandboxError(f"the Runtime API answered {_summary(reply)} to restore/next")

    def report_restore_error(self, restore_error_data: "dict[str, object]") -> None:
        """Report that the function could not go on after a restore; the data are the fields of the report."""
        body = self.error_marshaller.to_json(restore_error_data)
        self.post(f"{API}/restore/error", JSON, _error_type("Runtime.AfterRestoreError"), body)

    def begin_stream(self, invoke_id: str, content_type: str, invocation_id: "str | None", data: bytes) -> None:
        """Begin a streamed answer with its first chunk. Raises OSError when the sandbox cannot be reached."""
        head = f"POST {API}{_invocation_path(invoke_id)}/response{self._common}Content-Type: {content_type}\r\n"
        head += f"{STREAM_HEADERS}{_echo(invocation_id)}\r\n"
        self.connection.begin(_encode(head) + frame(data))

    def end_stream(self, invoke_id: str, trailers: bytes) -> None:
        """End a streamed answer; `trailers` are whole lines. Raises SandboxError on a broken sandbox."""
        try:
            self.connection.send(b"0\r\n" + trailers + b"\r\n")
            reply = self.connection.finish()
        except OSError as error:
            self.cut_stream(invoke_id, str(error))
        else:
            _check(reply, "a streamed response")

    def cut_stream(self, invoke_id: str, why: str) -> None:
        """Leave a streamed answer without an end, which the sandbox cannot take for a whole one."""
        reply = self.connection.cut()
        if reply is None or reply.status < 300:
            complain(f"the stream of {invoke_id} was cut: {why}")
        else:
            _check(reply, "a streamed response")

    def post(self, path: str, content_type: str, headers: str, body: "bytes | str") -> None:
        """Post to a path; `headers` are whole lines. Raises SandboxError on a broken sandbox."""
        data = body.encode("utf-8", "backslashreplace") if isinstance(body, str) else body
        head = f"POST {path}{self._common}Content-Type: {content_type}\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
        _check(self.connection.exchange(_encode(head), data), path.removeprefix(API))


class Invocation:
    """One event and the right to answer it: in one piece, as a stream that is begun and ended, or with an error."""

    keeps_body = False  # whether the event is decoded once more, from its text
    __slots__ = ("_client", "_headers", "_state", "body", "request_id")

    def __init__(self, client: LambdaRuntimeClient, headers: dict[str, str], body: bytes) -> None:
        self._client = client
        self._headers = headers
        self._state = "open"  # then "streaming", "writing" while a chunk is sent, "answered"
        self.body = body
        self.request_id = headers[HEADER_REQUEST_ID]

    @property
    def connection(self) -> "Connection":
        """Where the pieces of a stream go."""
        return self._client.connection

    @property
    def is_streaming(self) -> bool:
        """Whether a stream was begun and not ended."""
        return self._state in ("streaming", "writing")

    def header(self, name: str) -> str:
        """A header by its lower-case name; one that is absent reads like an empty one."""
        return self._headers.get(name, "")

    def respond(self, body: "bytes | str", content_type: str) -> None:
        """Answer with the function's result."""
        self._advance("open", "answered")
        self._client.post_invocation_result(self.request_id, body, content_type, self.header(HEADER_INVOCATION_ID))

    def begin_stream(self, content_type: str, data: bytes) -> None:
        """Answer with a stream that begins with these bytes. Raises OSError."""
        self._advance("open", "writing")
        self._client.begin_stream(self.request_id, content_type, self.header(HEADER_INVOCATION_ID), data)
        self._advance("writing", "streaming")

    def chunk(self, data: "bytes | memoryview") -> "Iterator[bytes | memoryview]":
        """One chunk of the stream in pieces to be sent; once it is left between two of them nothing can follow."""
        self._advance("streaming", "writing")
        if len(data) <= JOIN_BYTES:
            yield frame(data)
        else:
            yield b"%x\r\n" % len(data)
            yield data
            yield b"\r\n"
        self._advance("writing", "streaming")

    def end_stream(self, trailers: bytes = b"") -> None:
        """End the stream; `trailers` are whole lines."""
        if self._state == "writing":
            self._state = "answered"
            self._client.cut_stream(self.request_id, "in the middle of a chunk")
            return
        self._advance("streaming", "answered")
        self._client.end_stream(self.request_id, trailers)

    def fail(self, body: bytes, error_type: str, cause: str = "") -> None:
        """Answer with an error report, in the trailers when a stream has begun; `cause` is X-Ray's JSON."""
        if self.is_streaming:
            self.end_stream(_error_trailers(body, error_type))
            return
        self._advance("open", "answered")
        invocation_id = self.header(HEADER_INVOCATION_ID)
        self._client.post_invocation_error(self.request_id, body, cause, invocation_id, error_type=error_type)

    def _advance(self, before: str, after: str) -> None:
        if self._state != before:
            raise AnsweredTwiceError(f"invocation {self.request_id} is {self._state}, not {before}")
        self._state = after


def frame(data: "bytes | memoryview") -> bytes:
    """One chunk of a stream; empty data have none, for an empty chunk is the end."""
    return b"".join((b"%x\r\n" % len(data), data, b"\r\n")) if data else b""


def require_answer(body: object, content_type: object) -> None:
    """Refuse what a marshaller of the function gives that cannot be posted. Raises TypeError or ValueError."""
    if not isinstance(body, (bytes, bytearray, str)) or not isinstance(content_type, str):
        types = f"{type(body).__name__} and {type(content_type).__name__}"
        raise TypeError(f"a marshaller gives bytes or str, and the content type as str, not {types}")
    if header_value(content_type) != content_type:
        raise ValueError(f"a marshaller gave {content_type!r} as content type")


def header_value(text: str) -> str:
    """Text that cannot end a header line: what is not printable ASCII becomes a question mark."""
    return "".join(char if " " <= char <= "~" else "?" for char in text[:HEADER_VALUE_CHARS_MAX]).strip()


def _error_trailers(body: bytes, error_type: str) -> bytes:
    from .surroundings.library import StandardLibrary  # few streams fail

    with StandardLibrary():
        from binascii import b2a_base64
    encoded = b2a_base64(body, newline=False).decode()
    return _encode(f"{_error_type(error_type)}{HEADER_ERROR_BODY}: {encoded}\r\n")


def _check(reply: "Reply", what: str) -> None:
    if reply.status >= 500:
        raise SandboxError(f"the Runtime API answered {_summary(reply)} to {what}")
    if not 200 <= reply.status < 300:
        complain(f"the Runtime API refused {what} with {_summary(reply)}")


def _encode(head: str) -> bytes:
    return head.encode("utf-8", "surrogateescape")


def _error_type(error_type: str) -> str:
    return f"{HEADER_ERROR_TYPE}: {header_value(error_type)}\r\n" if error_type else ""


def _echo(invocation_id: "str | None") -> str:
    return f"Lambda-Runtime-Invocation-Id: {invocation_id}\r\n" if invocation_id else ""


def _invocation_path(request_id: str) -> str:
    """The path of an invocation; an id is a UUID as a rule and needs nothing done."""
    if request_id.isascii() and request_id.replace("-", "").isalnum():
        return f"/invocation/{request_id}"
    data = request_id.encode("utf-8", "surrogateescape")
    segment = "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in data)
    return f"/invocation/{segment}"


def _summary(reply: "Reply") -> str:
    """Status and the start of the body, fit for a log line."""
    text = reply.body[:300].decode("utf-8", "replace").strip()
    return f"{reply.status} {text}".rstrip()


def _user_agent() -> str:
    return "pilotlight-python/{}.{}.{}-{}".format(*sys.version_info[:3], __version__)
