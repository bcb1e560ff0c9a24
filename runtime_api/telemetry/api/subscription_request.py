"""What an extension asks for when it subscribes to the Telemetry API or the Logs API, read and checked.

Sources: the Developer Guide's pages telemetry-api-reference and runtimes-logs-api; texts they do not give are our own.
"""

from __future__ import annotations

from enum import Enum
from urllib.parse import urlsplit

import msgspec

from runtime_api.telemetry.api.schema import LOGS_SCHEMAS, TELEMETRY_SCHEMAS, Schema

HOSTS = ("sandbox.localdomain", "sandbox")
# The Runtime API's own, wherever the real service runs.
RESERVED_PORT = 9001
STREAMS = ("platform", "function", "extension")
# lowest, highest and default
_MAX_ITEMS = (1_000, 10_000, 10_000)
_MAX_BYTES = (262_144, 1_048_576, 262_144)
_TIMEOUT_MS = (25, 30_000, 1_000)


class InvalidSubscription(ValueError):
    """The request cannot be served; the message names every member that is wrong, and what it may be."""


class Api(Enum):
    """Which of the two; the value is how a sentence names it."""

    TELEMETRY = "Telemetry API"
    LOGS = "Logs API"

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """The versions it knows."""
        return TELEMETRY_SCHEMAS if self is Api.TELEMETRY else LOGS_SCHEMAS


class HttpTarget(msgspec.Struct, frozen=True):
    """A listener that takes HTTP: `target` is the path and query of the URI, `host` what its Host header says."""

    port: int
    host: str
    target: str
    method: str = "POST"


class TcpTarget(msgspec.Struct, frozen=True):
    """A listener that takes lines."""

    port: int


class SubscriptionRequest(msgspec.Struct, frozen=True):
    """A request that can be served."""

    schema: Schema
    streams: tuple[str, ...]
    target: HttpTarget | TcpTarget
    max_items: int
    max_bytes: int
    timeout_ms: int


class _Buffering(msgspec.Struct, rename="camel"):
    max_items: int = _MAX_ITEMS[2]
    max_bytes: int = _MAX_BYTES[2]
    timeout_ms: int = _TIMEOUT_MS[2]


class _Destination(msgspec.Struct):
    protocol: str = ""
    uri: str | None = msgspec.field(default=None, name="URI")
    port: int | None = None
    method: str = "POST"


class _Body(msgspec.Struct, rename="camel"):
    destination: _Destination | None = None
    types: list[str] | None = None
    buffering: _Buffering | None = None
    schema_version: str | None = None


_decode = msgspec.json.Decoder(_Body).decode


def parse_subscription(api: Api, body: bytes, *, only: Schema | None = None) -> SubscriptionRequest:
    """The request in a body; raises InvalidSubscription. `only` is the one schema a multi-concurrent sandbox takes."""
    try:
        request = _decode(body)
    except msgspec.ValidationError as error:
        raise InvalidSubscription(f"schema validation error: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidSubscription(f"failed to parse JSON: {error}") from None
    return _checked(api, request, (only,) if only is not None else api.schemas)


def _checked(api: Api, request: _Body, schemas: tuple[Schema, ...]) -> SubscriptionRequest:
    problems: list[str] = []
    target = _target(api, request.destination, problems)
    schema = _schema(api, request.schema_version, schemas, problems)
    streams = _streams(request.types, problems)
    buffering = request.buffering or _Buffering()
    _check_range("maxItems", buffering.max_items, _MAX_ITEMS, problems)
    _check_range("maxBytes", buffering.max_bytes, _MAX_BYTES, problems)
    _check_range("timeoutMs", buffering.timeout_ms, _TIMEOUT_MS, problems)
    if problems or target is None or schema is None:
        raise InvalidSubscription("; ".join(problems))
    return SubscriptionRequest(schema, streams, target, buffering.max_items, buffering.max_bytes, buffering.timeout_ms)


def _schema(api: Api, version: str | None, schemas: tuple[Schema, ...], problems: list[str]) -> Schema | None:
    if version is None and api is Api.LOGS:
        return Schema.LOGS_2020_08_15
    for schema in schemas:
        if schema.value == version:
            return schema
    problems.append(f"schema validation error: schemaVersion must be one of {_listed(schemas)}")
    return None


def _streams(types: list[str] | None, problems: list[str]) -> tuple[str, ...]:
    if not types:
        problems.append("types should not be empty")
    elif not set(types) <= set(STREAMS):
        problems.append(f"schema validation error: types may be {', '.join(STREAMS)}")
    return tuple(dict.fromkeys(types or ()))


def _check_range(name: str, value: int, limits: tuple[int, int, int], problems: list[str]) -> None:
    low, high, _ = limits
    if not low <= value <= high:
        problems.append(f"schema validation error: buffering.{name} must be between {low} and {high}")


def _target(api: Api, destination: _Destination | None, problems: list[str]) -> HttpTarget | TcpTarget | None:
    try:
        if destination is None:
            raise InvalidSubscription("Invalid destination: destination is required")
        if destination.protocol == "HTTP":
            return _http_target(api, destination)
        if destination.protocol == "TCP":
            return TcpTarget(_checked_port(destination.port))
        raise InvalidSubscription("Invalid destination: protocol must be HTTP or TCP")
    except InvalidSubscription as problem:
        problems.append(str(problem))
        return None


def _http_target(api: Api, destination: _Destination) -> HttpTarget:
    methods = ("POST", "PUT") if api is Api.LOGS else ("POST",)
    if destination.method not in methods:
        raise InvalidSubscription(f"Invalid destination: method must be {' or '.join(methods)}")
    uri = destination.uri or ""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise InvalidSubscription("Invalid destination: URI cannot be read") from None
    if parts.scheme != "http" or parts.hostname not in HOSTS or not _is_plain(uri):
        raise InvalidSubscription(f"Invalid destination: URI must begin with http://{HOSTS[0]}:PORT")
    if port is None:
        raise InvalidSubscription("URI port is not provided")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpTarget(_checked_port(port), f"{parts.hostname}:{port}", target, destination.method)


def _is_plain(uri: str) -> bool:
    # It becomes part of a request: no blanks, no line ends, nothing beyond ASCII.
    return all("!" <= character <= "~" for character in uri)


def _checked_port(port: int | None) -> int:
    if port is None:
        raise InvalidSubscription("Invalid destination: port is required")
    if not 1 <= port <= 65_535 or port == RESERVED_PORT:
        raise InvalidSubscription(f"Invalid destination: port must be between 1 and 65535, and not {RESERVED_PORT}")
    return port


def _listed(schemas: tuple[Schema, ...]) -> str:
    return ", ".join(schema.value for schema in schemas)
