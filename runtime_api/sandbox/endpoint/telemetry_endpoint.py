"""The paths of the Telemetry API and the Logs API, at the sandbox's own endpoint.

    PUT /2022-07-01/telemetry      PUT /2020-08-15/logs

Only extensions may subscribe, and say who they are first.
Source: the Developer Guide's pages telemetry-api-reference and runtimes-logs-api.
"""

from __future__ import annotations

from runtime_api.http_connection import Connection, Request
from runtime_api.protocol.runtime.errors import RequestEntityTooLarge
from runtime_api.sandbox.endpoint.extensions import Extensions
from runtime_api.sandbox.endpoint.routing import answer_not_found, is_allowed
from runtime_api.telemetry.api.subscription_request import Api
from runtime_api.telemetry.api.subscriptions import TelemetryApi

PATHS = {"/2022-07-01/telemetry": Api.TELEMETRY, "/2020-08-15/logs": Api.LOGS}


class TelemetryEndpoint:
    """Of one sandbox."""

    def __init__(self, telemetry: TelemetryApi, extensions: Extensions) -> None:
        self._telemetry = telemetry
        self._extensions = extensions

    def serve(self, request: Request, connection: Connection) -> None:
        """Answer one call that begins with one of PATHS; raises ExtensionApiError or RequestEntityTooLarge."""
        path = request.path.partition("?")[0]
        api = PATHS.get(path.removesuffix("/"))
        if api is None:
            answer_not_found(connection)
        elif is_allowed("PUT", request, connection):
            self._subscribe(api, request, connection)

    def _subscribe(self, api: Api, request: Request, connection: Connection) -> None:
        extension = self._extensions.identify(request)
        if request.too_large:
            raise RequestEntityTooLarge
        reply = self._telemetry.subscribe(api, extension.name, request.body)
        connection.answer(reply.status, reply.body)
