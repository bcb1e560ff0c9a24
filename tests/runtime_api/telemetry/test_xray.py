from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.runtime.error_cause import CauseException, ErrorCause, StackFrame
from runtime_api.telemetry.events import (
    Event,
    InitReport,
    InitStart,
    Record,
    Report,
    RestoreReport,
    RestoreStart,
    RuntimeDone,
    Span,
    Start,
    sampled_tracing,
)
from runtime_api.telemetry.xray import SegmentWriter, TracedFunction, XrayDaemon

ARN = "arn:aws:lambda:us-east-1:123456789012:function:hello"
FUNCTION = TracedFunction("hello", ARN, "123456789012", "/aws/lambda/hello")
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
VALUE = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
TRACING = sampled_tracing(VALUE, f"Root={ROOT};Parent=aaaaaaaaaaaaaaaa;Sampled=1")
OK, ERROR = OutcomeKind.SUCCESS, OutcomeKind.ERROR
AWS = {"function_arn": ARN}


class Written:
    """A writer whose ids count up, and the datagrams it made."""

    def __init__(self) -> None:
        numbers = count(1)
        self.datagrams: list[bytes] = []
        self.writer = SegmentWriter(FUNCTION, lambda size: next(numbers).to_bytes(size, "big"), self.datagrams.append)

    def happened(self, *events: tuple[float, Record]) -> None:
        """Each record at its moment."""
        for time_ms, record in events:
            self.writer(Event(time_ms, record))

    @property
    def segments(self) -> list[dict[str, Any]]:
        """The documents of all datagrams."""
        documents = []
        for datagram in self.datagrams:
            header, _, document = datagram.partition(b"\n")
            assert json.loads(header) == {"format": "json", "version": 1}
            documents.append(json.loads(document))
        return documents


@pytest.fixture
def written() -> Written:
    """A writer of one sandbox."""
    return Written()


def test_a_first_invocation(written: Written) -> None:
    """One document, with init, invocation and overhead; the runtime's parent is its id."""
    written.happened(
        (1000.0, InitStart("hello", "$LATEST")),
        (1500.0, InitReport(OK, 500.0)),
        (1600.0, Start("id-1", "$LATEST", tracing=TRACING)),
        (1700.0, RuntimeDone("id-1", OK, 100.0, spans=(Span("responseLatency", 1600.0, 90.0),))),
        (1750.0, Report("id-1", OK, 150.0, spans=(Span("extensionOverhead", 1700.0, 50.0),))),
    )
    assert written.segments == [
        {
            "id": "53995c3f42cd8ad8",
            "name": "hello",
            "start_time": 1.6,
            "trace_id": ROOT,
            "end_time": 1.75,
            "parent_id": "aaaaaaaaaaaaaaaa",
            "aws": {
                "account_id": "123456789012",
                "function_arn": ARN,
                "resource_names": ["hello"],
                "cloudwatch_logs": [{"log_group": "/aws/lambda/hello"}],
            },
            "origin": "AWS::Lambda::Function",
            "annotations": {"aws:responseLatency": 90.0, "aws:extensionOverhead": 50.0},
            "subsegments": [
                {
                    "id": "0000000000000001",
                    "name": "Initialization",
                    "start_time": 1.0,
                    "end_time": 1.5,
                    "aws": AWS,
                },
                {"id": "0000000000000002", "name": "Invocation", "start_time": 1.6, "end_time": 1.7, "aws": AWS},
                {"id": "0000000000000003", "name": "Overhead", "start_time": 1.7, "end_time": 1.75, "aws": AWS},
            ],
        }
    ]


def invocation(request_id: str = "id-1", *, status: OutcomeKind = OK, cause: ErrorCause | None = None) -> list[Any]:
    """What a sampled invocation leaves on the stream."""
    return [
        (1.0, Start(request_id, "$LATEST", tracing=TRACING)),
        (2.0, RuntimeDone(request_id, status, 1.0, cause=cause)),
        (3.0, Report(request_id, status, 2.0)),
    ]


def test_only_the_first_has_an_init(written: Written) -> None:
    """The second is a warm one."""
    written.happened((0.0, InitStart("hello", "1")), (0.5, InitReport(OK, 0.5)), *invocation(), *invocation("id-2"))
    assert [len(segment["subsegments"]) for segment in written.segments] == [3, 2]


def test_a_restore_is_one(written: Written) -> None:
    """In the place of the init, which nobody waited for."""
    written.happened(
        (0.0, InitStart("hello", "1")),
        (0.1, InitReport(OK, 0.1)),
        (0.2, RestoreStart("hello", "1")),
        (0.3, RestoreReport(OK, 0.1)),
        *invocation(),
    )
    assert [part["name"] for part in written.segments[0]["subsegments"]] == ["Restore", "Invocation", "Overhead"]


def test_what_is_not_sampled_is_not_sent(written: Written) -> None:
    """No document for it."""
    written.happened(
        (1.0, Start("id-1", "$LATEST")), (2.0, RuntimeDone("id-1", OK, 1.0)), (3.0, Report("id-1", OK, 2.0))
    )
    assert written.datagrams == []


def test_invocations_side_by_side(written: Written) -> None:
    """Each has its own document."""
    first, second = invocation("id-1"), invocation("id-2")
    written.happened(*(event for pair in zip(first, second, strict=True) for event in pair))
    assert len(written.segments) == 2


def test_an_error_is_a_fault_with_its_cause(written: Written) -> None:
    """Each exception gets an id."""
    cause = ErrorCause([CauseException("boom", "ValueError", [StackFrame("app.py", 3, "handler")])], "/var/task")
    written.happened(*invocation(status=ERROR, cause=cause))
    [segment] = written.segments
    assert segment["fault"] is True
    assert segment["cause"] == {
        "working_directory": "/var/task",
        "exceptions": [
            {
                "id": "0000000000000003",
                "message": "boom",
                "type": "ValueError",
                "stack": [{"path": "app.py", "line": 3, "label": "handler"}],
            }
        ],
    }


@pytest.mark.parametrize("count", [1, 1000])
def test_a_document_fits_into_a_datagram(written: Written, count: int) -> None:
    """The cause is cropped until it does."""
    exceptions = [CauseException("m" * (65_000 // count), "E")] * count
    written.happened(*invocation(status=ERROR, cause=ErrorCause(exceptions, "d" * 60_000)))
    assert len(written.datagrams[0]) <= 65_507


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """A daemon's socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10)
        yield listening


def test_a_datagram_reaches_the_daemon(daemon: socket.socket) -> None:
    """Whole."""
    sender = XrayDaemon(f"127.0.0.1:{daemon.getsockname()[1]}")
    sender.send(b"x" * 60_000)
    sender.close()
    assert daemon.recv(65_536) == b"x" * 60_000


def test_a_daemon_that_is_not_there_is_no_trouble() -> None:
    """Nor is a datagram larger than any."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    sender = XrayDaemon(f"127.0.0.1:{port}")
    for _ in range(3):
        sender.send(b"x")
    sender.send(b"x" * 70_000)
    sender.close()


@pytest.mark.parametrize("address", ["", "localhost", ":2000", "127.0.0.1:", "127.0.0.1:port"])
def test_what_is_no_address(address: str) -> None:
    """Said at once, with what it should look like."""
    with pytest.raises(OSError, match=r"use HOST:PORT, such as 127\.0\.0\.1:2000"):
        XrayDaemon(address)
