"""An extension the suite plays: an internal one, which lives in the process of the runtime and needs no file anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable

from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.channel import Headers, request_bytes
from runtime_api.conformance.server_stage.runtime import Runtime
from runtime_api.protocol.names import HEADER_EXTENSION_ID, HEADER_EXTENSION_NAME

EXTENSION = "/2020-01-01/extension"
REGISTER = f"{EXTENSION}/register"
EVENT_NEXT = f"{EXTENSION}/event/next"
SUBSCRIBE = "/2022-07-01/telemetry"
# The oldest version of the schema in which records of a function may be objects.
SCHEMA = "2022-12-13"


class Extension:
    """`identifier` is empty until it has registered. Its polls go over a connection of their own."""

    def __init__(self, runtime: Runtime, name: str = "") -> None:
        self.name = name
        self.identifier = ""
        self._runtime = runtime
        self._channel = runtime.absent
        self._is_parked = False

    async def register(
        self, events: Iterable[str] = ("INVOKE",), headers: Headers = (), *, body: bytes | None = None
    ) -> Answer:
        """Register for some events; `body` is what is sent instead."""
        named = [(HEADER_EXTENSION_NAME, self.name)] if self.name else []
        sent = json.dumps({"events": list(events)}).encode() if body is None else body
        answer = await self._runtime.call("POST", REGISTER, sent, [*named, *headers])
        self.identifier = answer.header(HEADER_EXTENSION_ID) or ""
        return answer

    async def park(self) -> None:
        """Begin a poll: the extension is done with what it had."""
        if self._is_parked:
            return
        if not self._channel.is_open:
            self._channel = await self._runtime.channel()
        self._is_parked = True
        await self._channel.send(request_bytes("GET", EVENT_NEXT, [("Host", self._runtime.host), *self.own_headers]))

    async def next(self, *, within_s: float | None = None) -> Answer:
        """Poll, or wait for the event of the poll that is parked."""
        await self.park()
        event = await self._channel.receive(self._runtime.patience_s if within_s is None else within_s)
        self._is_parked = not event.status and self._channel.is_open
        return event

    async def poll_as(self, headers: Headers) -> Answer:
        """A poll under any identifier, or none, that is not waited for long: it ought to be refused."""
        channel = await self._runtime.channel()
        return await channel.call("GET", EVENT_NEXT, [("Host", self._runtime.host), *headers], within_s=1.0)

    async def tell_error(self, phase: str, headers: Headers = ()) -> Answer:
        """Report an error of `init` or `exit`."""
        body = b'{"errorMessage":"it cannot go on","errorType":"Extension.Conformance"}'
        return await self._runtime.call("POST", f"{EXTENSION}/{phase}/error", body, [*self.own_headers, *headers])

    async def subscribe(self, port: int, types: Iterable[str], **changes: object) -> Answer:
        """Subscribe to telemetry; `changes` replace members of the request."""
        wanted = {
            "schemaVersion": SCHEMA,
            "types": list(types),
            "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
            "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/"},
        }
        body = json.dumps({**wanted, **changes}).encode()
        headers = [*self.own_headers, ("Content-Type", "application/json")]
        return await self._runtime.call("PUT", SUBSCRIBE, body, headers)

    @property
    def own_headers(self) -> list[tuple[str, str]]:
        """What says who it is."""
        return [(HEADER_EXTENSION_ID, self.identifier)]
