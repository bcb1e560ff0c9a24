"""The credentials endpoint of SnapStart sandboxes, whose environment is in a snapshot and has none.

    GET /2021-04-23/credentials      Authorization: TOKEN

SDKs find it by AWS_CONTAINER_CREDENTIALS_FULL_URI, and ask again before what they got expires.
Source: the Developer Guide's page on SnapStart best practices; statuses are those of AWS's open-source emulator.
"""

from __future__ import annotations

import hmac

import msgspec

from runtime_api.http_connection import Connection, Request
from runtime_api.protocol import names
from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.timestamps import iso_time
from runtime_api.sandbox.endpoint.routing import TEXT, answer_not_found, is_allowed
from runtime_api.sandbox.surroundings.environment import CREDENTIALS_PATH, credentials_of

# Ours are not refused when they are older; long enough for SDKs not to ask with every call.
VALID_MS = 3_600_000


class ContainerCredentials(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer; `expiration` is an RFC 3339 time."""

    access_key_id: str
    secret_access_key: str
    token: str
    expiration: str


class Credentials:
    """Of one sandbox; `token` is the one in its environment."""

    def __init__(self, function: Function, clock: Clock, token: str) -> None:
        known = credentials_of(function)
        self._access_key_id = known.get(names.ENV_ACCESS_KEY_ID, "")
        self._secret = known.get(names.ENV_SECRET_ACCESS_KEY, "")
        self._session_token = known.get(names.ENV_SESSION_TOKEN, "")
        self._clock = clock
        self._token = token

    def serve(self, request: Request, connection: Connection) -> None:
        """Answer one call at CREDENTIALS_PATH."""
        if request.path.partition("?")[0] != CREDENTIALS_PATH:
            answer_not_found(connection)
        elif is_allowed("GET", request, connection):
            self._authorize(request, connection)

    def _authorize(self, request: Request, connection: Connection) -> None:
        if hmac.compare_digest(request.headers.get("authorization", "").encode(), self._token.encode()):
            connection.answer(200, msgspec.json.encode(self._answer()))
        else:
            connection.answer(404, b"cannot get credentials for the provided token\n", TEXT)

    def _answer(self) -> ContainerCredentials:
        expiration = iso_time(self._clock.time_ms() + VALID_MS)
        return ContainerCredentials(self._access_key_id, self._secret, self._session_token, expiration)
