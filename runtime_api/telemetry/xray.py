"""X-Ray: the segment of each sampled invocation, as the service's own sandboxes send it to the daemon.

Strategy: a subscriber of the stream remembers when things began and writes one `AWS::Lambda::Function` segment when an invocation is
reported, with Initialization or Restore (for the first), Invocation and Overhead as its subsegments. Its id is the Parent the runtime was
given, so what the function sends itself hangs below it. The daemon takes datagrams: a header line, and one document.
Sources: the X-Ray Developer Guide's pages on segment documents and sending data to the daemon, and services-xray of the Lambda one.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import msgspec

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.invoke.trace import parse_trace
from runtime_api.protocol.runtime.error_cause import ErrorCause, crop_error_cause
from runtime_api.telemetry.events import (
    Event,
    InitReport,
    InitStart,
    Report,
    RestoreReport,
    RestoreStart,
    RuntimeDone,
    Span,
    Start,
    Tracing,
)

_HEADER = b'{"format":"json","version":1}\n'
# No datagram is larger.
_DATAGRAM_LIMIT_BYTES = 65_507
Members = dict[str, object]
_encode = msgspec.json.Encoder().encode


class TracedFunction(msgspec.Struct, frozen=True):
    """What every segment says of the function."""

    name: str
    arn: str
    account_id: str
    log_group: str


class _Invocation:
    def __init__(self, started_ms: float, tracing: Tracing) -> None:
        self.started_ms = started_ms
        self.tracing = tracing
        self.done_ms = started_ms
        self.succeeded = True
        self.cause: ErrorCause | None = None
        self.spans: tuple[Span, ...] = ()


class SegmentWriter:
    """A subscriber that gives `send` a datagram for each sampled invocation. `randomness` is asked for that many random bytes."""

    def __init__(
        self, function: TracedFunction, randomness: Callable[[int], bytes], send: Callable[[bytes], None]
    ) -> None:
        self._function = function
        self._randomness = randomness
        self._send = send
        self._beginning_ms = 0.0
        self._first: tuple[str, float, float] | None = None
        self._running: dict[str, _Invocation] = {}

    def __call__(self, event: Event) -> None:
        record = event.record
        if isinstance(record, (InitStart, RestoreStart)):
            self._beginning_ms = event.time_ms
        elif isinstance(record, InitReport):
            self._first = ("Initialization", self._beginning_ms, event.time_ms)
        elif isinstance(record, RestoreReport):
            self._first = ("Restore", self._beginning_ms, event.time_ms)
        elif isinstance(record, Start) and record.tracing is not None:
            self._running[record.request_id] = _Invocation(event.time_ms, record.tracing)
        elif isinstance(record, RuntimeDone):
            self._runtime_done(event.time_ms, record)
        elif isinstance(record, Report):
            self._report(event.time_ms, record)

    def _runtime_done(self, time_ms: float, record: RuntimeDone) -> None:
        invocation = self._running.get(record.request_id)
        if invocation is not None:
            invocation.done_ms = time_ms
            invocation.cause = record.cause
            invocation.spans = record.spans

    def _report(self, time_ms: float, record: Report) -> None:
        invocation = self._running.pop(record.request_id, None)
        if invocation is None:
            return
        first, self._first = self._first, None
        invocation.succeeded = record.status is OutcomeKind.SUCCESS
        invocation.spans += record.spans
        self._send(self._datagram(invocation, first, time_ms))

    def _datagram(self, invocation: _Invocation, first: tuple[str, float, float] | None, ended_ms: float) -> bytes:
        document = self._segment(invocation, first, ended_ms)
        if invocation.cause is not None:
            room = _DATAGRAM_LIMIT_BYTES - len(_HEADER) - len(_encode(document)) - len(b',"cause":')
            document["cause"] = self._cause(invocation.cause, room)
        return _HEADER + _encode(document)

    def _segment(self, invocation: _Invocation, first: tuple[str, float, float] | None, ended_ms: float) -> Members:
        trace = parse_trace(invocation.tracing.value)
        phases = [
            ("Invocation", invocation.started_ms, invocation.done_ms),
            ("Overhead", invocation.done_ms, ended_ms),
        ]
        segment: Members = {
            "id": trace.get("Parent") or self._new_id(),
            "name": self._function.name,
            "start_time": invocation.started_ms / 1000,
            "trace_id": trace.get("Root") or "",
            "end_time": ended_ms / 1000,
        }
        if invocation.tracing.upstream_id is not None:
            segment["parent_id"] = invocation.tracing.upstream_id
        segment |= {"aws": self._aws(), "origin": "AWS::Lambda::Function"}
        if invocation.spans:
            segment["annotations"] = {f"aws:{span.name}": round(span.duration_ms, 3) for span in invocation.spans}
        if not invocation.succeeded:
            segment["fault"] = True
        return segment | {"subsegments": [self._subsegment(*phase) for phase in ([first] if first else []) + phases]}

    def _aws(self) -> Members:
        return {
            "account_id": self._function.account_id,
            "function_arn": self._function.arn,
            "resource_names": [self._function.name],
            "cloudwatch_logs": [{"log_group": self._function.log_group}],
        }

    def _subsegment(self, name: str, started_ms: float, ended_ms: float) -> Members:
        return {
            "id": self._new_id(),
            "name": name,
            "start_time": started_ms / 1000,
            "end_time": ended_ms / 1000,
            "aws": {"function_arn": self._function.arn},
        }

    def _cause(self, cause: ErrorCause, room: int) -> Members:
        # Each exception gets an id, which takes room of its own.
        cropped = crop_error_cause(cause, room - 32 * len(cause.exceptions or ()))
        members: Members = {
            "working_directory": cropped.working_directory,
            "message": cropped.message,
            "paths": cropped.paths,
            "exceptions": [
                {"id": self._new_id(), **msgspec.to_builtins(exception)} for exception in cropped.exceptions or ()
            ],
        }
        return {name: value for name, value in members.items() if value}

    def _new_id(self) -> str:
        return self._randomness(8).hex()


class XrayDaemon:
    """Sends datagrams to a daemon's `host:port`, without ever waiting; what nobody takes is lost, as it is with UDP."""

    def __init__(self, address: str) -> None:
        """Raises OSError when the address is none, or cannot be reached at all."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise OSError(f"X-Ray daemon address {address!r}: use HOST:PORT, such as 127.0.0.1:2000")
        family, kind, protocol, _, resolved = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        self._address = resolved
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)

    def send(self, datagram: bytes) -> None:
        """Send one datagram, or lose it."""
        # A full buffer, a daemon that is not there, a document too large for the network's taste.
        with contextlib.suppress(OSError):
            self._socket.sendto(datagram, self._address)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
