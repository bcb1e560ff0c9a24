"""Context: the second argument of a handler.

Attributes as documented at https://docs.aws.amazon.com/lambda/latest/dg/python-context.html; all can be written to,
which test doubles and middleware rely on. The environment is read for each invocation.
"""

import os
import time

from .client import (
    HEADER_CLIENT_CONTEXT,
    HEADER_COGNITO_IDENTITY,
    HEADER_DEADLINE_MS,
    HEADER_FUNCTION_ARN,
    HEADER_TENANT_ID,
    HEADER_TRACE_ID,
)
from .errors import FunctionError
from .logs import flush_output, write
from .payload import from_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .client import Invocation

SHOWN = (
    "aws_request_id",
    "log_group_name",
    "log_stream_name",
    "function_name",
    "memory_limit_in_mb",
    "function_version",
    "invoked_function_arn",
    "client_context",
    "identity",
    "tenant_id",
)
OURS_ALONE = ("_after_response", "_invocation")
W3C_FIELDS = ("traceparent", "tracestate", "baggage")


class CognitoIdentity:
    """Who called, when the call came through a mobile SDK; both ids are None otherwise."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, fields: dict[str, object]) -> None:
        self.cognito_identity_id = fields.get("cognitoIdentityId")
        self.cognito_identity_pool_id = fields.get("cognitoIdentityPoolId")

    def __repr__(self) -> str:
        return _describe(self, self.__slots__)


class Client:
    """The mobile app that called."""

    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")  # noqa: RUF023 - the order of repr()

    def __init__(self, fields: dict[str, object]) -> None:
        for name in self.__slots__:
            setattr(self, name, fields.get(name))

    def __repr__(self) -> str:
        return _describe(self, self.__slots__)


class ClientContext:
    """What the caller said about itself; each part is None when it was left out."""

    __slots__ = ("custom", "env", "client")  # noqa: RUF023 - the order of repr()

    def __init__(self, fields: dict[str, object]) -> None:
        client = fields.get("client")
        self.custom = fields.get("custom")
        self.env = fields.get("env")
        self.client = None if client is None else Client(_require_object(client, "Client Context"))

    def __repr__(self) -> str:
        return _describe(self, self.__slots__)


class LambdaContext:
    """One invocation, as the function sees it; `trace_id` is X-Ray's trace header, empty when there is none."""

    def __init__(self, invocation: "Invocation") -> None:
        environ, header = os.environ, invocation.header
        self._invocation = invocation
        self._after_response: list[Callable[[], object]] = []
        self.trace_id = header(HEADER_TRACE_ID)
        self.aws_request_id = invocation.request_id
        self.log_group_name = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = header(HEADER_FUNCTION_ARN)
        self.tenant_id = header(HEADER_TENANT_ID) or None
        client_context = _parse_object(header(HEADER_CLIENT_CONTEXT), "Client Context")
        identity = _parse_object(header(HEADER_COGNITO_IDENTITY), "Cognito Identity")
        self._w3c_fields = _take_w3c(client_context)
        self.client_context = None if client_context is None else ClientContext(client_context)
        self.identity = CognitoIdentity(identity or {})
        self._epoch_deadline_time_in_ms = _parse_deadline(header(HEADER_DEADLINE_MS))

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the platform ends this invocation, never negative."""
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def w3c(self) -> dict[str, str]:
        """The W3C trace context of this invocation: traceparent, tracestate and baggage as far as they were sent."""
        return dict(self._w3c_fields)

    def log(self, msg: object) -> None:
        """Write to the log as is, without a line end."""
        write(str(msg))
        flush_output()

    def __repr__(self) -> str:
        return _describe(self, SHOWN)

    def __getstate__(self) -> dict[str, object]:
        """What a copy has: all but the right to answer."""
        return {name: value for name, value in vars(self).items() if name not in OURS_ALONE}


def _describe(thing: object, names: tuple[str, ...]) -> str:
    fields = ",".join(f"{name}={getattr(thing, name)}" for name in names)
    return f"{type(thing).__name__}([{fields}])"


def _parse_object(text: str, what: str) -> "dict[str, object] | None":
    if not text:
        return None
    try:
        value = from_json(text)
    except Exception as error:
        raise _unreadable(what, str(error)) from error
    return None if value is None else _require_object(value, what)


def _require_object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _unreadable(what, f"expected an object, not {type(value).__name__}")
    return value


def _unreadable(what: str, why: str) -> FunctionError:
    return FunctionError("Runtime.LambdaContextUnmarshalError", f"Unable to parse {what} JSON: {why}")


def _take_w3c(client_context: "dict[str, object] | None") -> dict[str, str]:
    """The trace context travels within the client context and is not shown there."""
    sent = client_context.pop("w3c", None) if client_context else None
    if not isinstance(sent, dict):
        return {}
    return {name: sent[name] for name in W3C_FIELDS if isinstance(sent.get(name), str)}


def _parse_deadline(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
