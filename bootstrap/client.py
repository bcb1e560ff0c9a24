"""Client: the Runtime API as calls. Hold an invocation to answer it; it can be answered once.

What a status means (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html): 2xx is taken. 4xx on an answer
concerns that answer only, so it is said on stderr and the loop goes on; posting something else for the same
invocation would be refused too. 5xx is a broken sandbox: the process ends. Anything but 200 on `next` ends it too.
"""

import sys

from . import __version__
from .errors import AnsweredTwiceError, SandboxError, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .wire import Connection, Reply

API = "/2018-06-01/runtime"
HEADER_CLIENT_CONTEXT = "lambda-runtime-client-context"
HEADER_COGNITO_IDENTITY = "lambda-runtime-cognito-identity"
HEADER_CONTENT_TYPE = "content-type"
HEADER_DEADLINE_MS = "lambda-runtime-deadline-ms"
HEADER_ERROR_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
HEADER_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
HEADER_FUNCTION_ARN = "lambda-runtime-invoked-function-arn"
HEADER_INVOCATION_ID = "lambda-runtime-invocation-id"
HEADER_REQUEST_ID = "lambda-runtime-aws-request-id"
HEADER_TENANT_ID = "lambda-runtime-aws-tenant-id"
HEADER_TRACE_ID = "lambda-runtime-trace-id"
JSON = "application/json"
HEADER_VALUE_CHARS_MAX = 256
# What stands for itself in a path: https://www.rfc-editor.org/rfc/rfc3986#section-2.3
UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


class RuntimeClient:
    """The calls of the Runtime API over one connection."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        common = f" HTTP/1.1\r\nHost: {connection.address}\r\nUser-Agent: {_user_agent()}\r\n"
        self._next_request = f"GET {API}/invocation/next{common}\r\n".encode()
        self._post_common = f"{common}Content-Type: "

    def next(self) -> "Invocation":
        """Wait for an invocation, however long that takes. Raises SandboxError when there will be none."""
        reply = self._connection.exchange(self._next_request, repeatable=True)
        if reply.status != 200:
            raise SandboxError(f"the Runtime API answered {_summary(reply)} to next")
        if not reply.headers.get(HEADER_REQUEST_ID):
            raise SandboxError(f"the Runtime API sent an event without {HEADER_REQUEST_ID}: it could not be answered")
        return Invocation(self, reply.headers, reply.body)

    def init_error(self, body: bytes, error_type: str) -> None:
        """Report that the function could not be loaded."""
        self.post("/init/error", JSON, f"{HEADER_ERROR_TYPE}: {header_value(error_type)}\r\n", body)

    def post(self, path: str, content_type: str, headers: str, body: bytes) -> None:
        """Post to a path of the API; `headers` are whole lines. Raises SandboxError on a broken sandbox."""
        head = f"POST {API}{path}{self._post_common}{content_type}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        reply = self._connection.exchange(head.encode("utf-8", "surrogateescape"), body)
        if reply.status >= 500:
            raise SandboxError(f"the Runtime API answered {_summary(reply)} to {path}")
        if not 200 <= reply.status < 300:
            complain(f"the Runtime API refused {path} with {_summary(reply)}")


class Invocation:
    """One event and the right to answer it."""

    __slots__ = ("_answered", "_client", "_headers", "body", "request_id")

    def __init__(self, client: RuntimeClient, headers: dict[str, str], body: bytes) -> None:
        self._client = client
        self._headers = headers
        self._answered = False
        self.body = body
        self.request_id = headers[HEADER_REQUEST_ID]

    def header(self, name: str) -> str:
        """A header by its lower-case name; one that is absent reads like an empty one."""
        return self._headers.get(name, "")

    def respond(self, body: bytes, content_type: str) -> None:
        """Answer with the function's result."""
        self._post("/response", content_type, "", body)

    def fail(self, body: bytes, error_type: str, cause: str = "") -> None:
        """Answer with an error report; `cause` is X-Ray's JSON on one line of ASCII."""
        headers = f"{HEADER_ERROR_TYPE}: {header_value(error_type)}\r\n"
        if cause:
            headers += f"{HEADER_ERROR_CAUSE}: {cause}\r\n"
        self._post("/error", JSON, headers, body)

    def _post(self, action: str, content_type: str, headers: str, body: bytes) -> None:
        if self._answered:
            raise AnsweredTwiceError(f"invocation {self.request_id} has been answered already")
        self._answered = True
        if invocation_id := self.header(HEADER_INVOCATION_ID):
            headers += f"{HEADER_INVOCATION_ID}: {invocation_id}\r\n"
        self._client.post(f"/invocation/{_path_segment(self.request_id)}{action}", content_type, headers, body)


def header_value(text: str) -> str:
    """Text that cannot end a header line: what is not printable ASCII becomes a question mark."""
    return "".join(char if " " <= char <= "~" else "?" for char in text[:HEADER_VALUE_CHARS_MAX]).strip()


def _path_segment(text: str) -> str:
    """The text as one segment of a path; an id is a UUID as a rule and needs nothing done."""
    if text.isascii() and text.replace("-", "").isalnum():
        return text
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in data)


def _summary(reply: "Reply") -> str:
    """Status and the start of the body, fit for a log line."""
    text = reply.body[:300].decode("utf-8", "replace").strip()
    return f"{reply.status} {text}".rstrip()


def _user_agent() -> str:
    return "pilotlight-python/{}.{}.{}-{}".format(*sys.version_info[:3], __version__)
