"""The metadata endpoint: where a sandbox learns in which Availability Zone it is.

    GET /2026-01-15/metadata/execution-environment      Authorization: Bearer TOKEN

Checks run in the service's order: path, method, token. Refusals are plain text.
Source: the Developer Guide's configuration-metadata-endpoint page.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import msgspec

from runtime_api.http_connection import Connection, Request
from runtime_api.protocol.availability_zone import zone_id
from runtime_api.sandbox.endpoint.routing import TEXT, answer_not_found, is_allowed

PREFIX = "/2026-01-15/metadata/"
_PATH = f"{PREFIX}execution-environment"
_FOUND = b"Content-Type: application/json\r\nCache-Control: private, max-age=%b\r\n"
# What is said stays true for as long as the sandbox lives, and the service says half a day; a snapshot may be restored elsewhere.
_FOR_GOOD, _UNTIL_SNAPSHOT = _FOUND % b"43200, immutable", _FOUND % b"60"


class ExecutionEnvironment(msgspec.Struct, frozen=True):
    """What there is to know."""

    availability_zone_id: str = msgspec.field(name="AvailabilityZoneID")


class Metadata:
    """Of one sandbox; `token` is the one in its environment, `is_for_snapshot` whether what is asked now ends up in a snapshot."""

    def __init__(self, region: str, token: str, is_for_snapshot: Callable[[], bool] = lambda: False) -> None:
        self.token = token
        self._is_for_snapshot = is_for_snapshot
        self._body = msgspec.json.encode(ExecutionEnvironment(zone_id(region)))

    def serve(self, request: Request, connection: Connection) -> None:
        """Answer one call below PREFIX."""
        if request.path.partition("?")[0] != _PATH:
            answer_not_found(connection)
        elif is_allowed("GET", request, connection, b"Method Not Allowed\n"):
            self._authorize(request, connection)

    def _authorize(self, request: Request, connection: Connection) -> None:
        if self._is_authorized(request.headers.get("authorization", "")):
            connection.answer(200, self._body, _UNTIL_SNAPSHOT if self._is_for_snapshot() else _FOR_GOOD)
        else:
            connection.answer(401, b"Unauthorized\n", TEXT)

    def _is_authorized(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self.token.encode())
