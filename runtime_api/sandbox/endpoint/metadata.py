"""The metadata endpoint: where a sandbox learns in which Availability Zone it is.

    GET /2026-01-15/metadata/execution-environment      Authorization: Bearer TOKEN

Checks run in the service's order: path, method, token. Refusals are plain text.
Source: the Developer Guide's configuration-metadata-endpoint page.
"""

from __future__ import annotations

import hmac

import msgspec

from runtime_api.http_connection import Connection, Request
from runtime_api.protocol.availability_zone import zone_id

PREFIX = "/2026-01-15/metadata/"
_PATH = f"{PREFIX}execution-environment"
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
# What is said stays true for as long as the sandbox lives; the service says half a day.
_FOUND = b"Content-Type: application/json\r\nCache-Control: private, max-age=43200, immutable\r\n"


class ExecutionEnvironment(msgspec.Struct, frozen=True):
    """What there is to know."""

    availability_zone_id: str = msgspec.field(name="AvailabilityZoneID")


class Metadata:
    """Of one sandbox; `token` is the one in its environment."""

    def __init__(self, region: str, token: str) -> None:
        self.token = token
        self._body = msgspec.json.encode(ExecutionEnvironment(zone_id(region)))

    def serve(self, request: Request, connection: Connection) -> None:
        """Answer one call below PREFIX."""
        if request.path.partition("?")[0] != _PATH:
            connection.answer(404, b"404 page not found\n", _TEXT)
        elif request.method != "GET":
            connection.answer(405, b"Method Not Allowed\n", _TEXT + b"Allow: GET\r\n")
        elif not self._is_authorized(request.headers.get("authorization", "")):
            connection.answer(401, b"Unauthorized\n", _TEXT)
        else:
            connection.answer(200, self._body, _FOUND)

    def _is_authorized(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self.token.encode())
