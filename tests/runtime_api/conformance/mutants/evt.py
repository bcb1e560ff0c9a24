"""Mutants of EVT."""

import json
import os
import signal
import sys

from .reference import Handler, Response, Runtime, Wire, mutant


@mutant("RT-EVT-001")
class MakesFractions(Runtime):
    """Every number is a fraction."""

    def decode(self, body: bytes) -> object:
        return json.loads(body, parse_int=float)


@mutant("RT-EVT-002")
class TakesLatin(Runtime):
    """It takes UTF-8 for Latin-1."""

    def decode(self, body: bytes) -> object:
        return json.loads(body.decode("latin-1"))


class FirstChunk(Wire):
    """Takes the first part of a chunked body for all."""

    def _body(self, headers: dict[str, str]) -> bytes:
        body = super()._body(headers)
        return body[: len(body) // 2] if "transfer-encoding" in headers else body


@mutant("RT-EVT-003")
class ReadsOneChunk(Runtime):
    """It reads one chunk."""

    def load(self) -> Handler:
        self.wire = FirstChunk(self.address())
        return super().load()


@mutant("RT-EVT-004")
class TakesFiveMib(Runtime):
    """It refuses events of more than 5 MiB."""

    def decode(self, body: bytes) -> object:
        if len(body) > 5 * 1024 * 1024:
            raise ValueError("too large")
        return super().decode(body)


@mutant("RT-EVT-005")
class TakesAnythingForNull(Runtime):
    """What is no JSON is null."""

    def decode(self, body: bytes) -> object:
        try:
            return super().decode(body)
        except ValueError:
            return None


@mutant("RT-EVT-006")
class TakesOnlyJson(Runtime):
    """Another content type ends it."""

    def poll(self) -> Response:
        event = super().poll()
        return event if event.headers["content-type"] == "application/json" else sys.exit("no JSON")


@mutant("RT-EVT-006")
class TakesOthersForNull(Runtime):
    """An event of another content type is null to it."""

    def call(self, handler: Handler, event: Response) -> object:
        return super().call(handler, event) if event.headers["content-type"] == "application/json" else None


@mutant("RT-EVT-007")
class RunsOutOfStack(Runtime):
    """It falls over what is nested deeply."""

    def decode(self, body: bytes) -> object:
        if body.count(b"[") > 1000:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().decode(body)
