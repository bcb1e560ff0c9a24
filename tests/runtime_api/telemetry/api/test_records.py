from __future__ import annotations

import typing

import msgspec
import pytest

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.protocol.phases import InitializationType, InitPhase
from runtime_api.telemetry.api.records import telemetry_members
from runtime_api.telemetry.events import (
    ExtensionLine,
    ExtensionRecord,
    FunctionLine,
    InitReport,
    InitRuntimeDone,
    InitStart,
    LogsDropped,
    LogsSubscription,
    Record,
    Report,
    RestoreReport,
    RestoreRuntimeDone,
    RestoreStart,
    RuntimeDone,
    Span,
    Start,
    TelemetrySubscription,
    Tracing,
)

OK, ERROR = OutcomeKind.SUCCESS, OutcomeKind.ERROR
VALUE = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1"
TRACING = Tracing(VALUE, "54565fb41ac79632", "aaaaaaaaaaaaaaaa")
TRACE_CONTEXT = {"spanId": "54565fb41ac79632", "type": "X-Amzn-Trace-Id", "value": VALUE}
SPANS = (Span("responseLatency", 1_700_000_000_123.0, 23.02049),)
SPAN_LIST = ({"name": "responseLatency", "start": "2023-11-14T22:13:20.123Z", "durationMs": 23.02},)

BARE: list[tuple[Record, dict[str, object]]] = [
    (
        InitStart("hello", "$LATEST"),
        {"initializationType": "on-demand", "phase": "init", "functionName": "hello", "functionVersion": "$LATEST"},
    ),
    (InitRuntimeDone(OK), {"initializationType": "on-demand", "phase": "init", "status": OK}),
    (
        InitReport(OK, 125.3349),
        {"initializationType": "on-demand", "phase": "init", "status": OK, "metrics": {"durationMs": 125.33}},
    ),
    (RestoreStart("hello", "1"), {"functionName": "hello", "functionVersion": "1"}),
    (RestoreRuntimeDone(OK), {"status": OK}),
    (RestoreReport(OK, 15.19), {"status": OK, "metrics": {"durationMs": 15.19}}),
    (Start("id-1", "$LATEST"), {"requestId": "id-1", "version": "$LATEST"}),
    (RuntimeDone("id-1", OK, 1.4164), {"requestId": "id-1", "status": OK, "metrics": {"durationMs": 1.416}}),
    (
        Report("id-1", OK, 693.92, 694, 128, 84),
        {
            "requestId": "id-1",
            "status": OK,
            "metrics": {"durationMs": 693.92, "billedDurationMs": 694, "memorySizeMB": 128, "maxMemoryUsedMB": 84},
        },
    ),
    (Report("id-1", OK, 693.92), {"requestId": "id-1", "status": OK, "metrics": {"durationMs": 693.92}}),
    (ExtensionRecord("agent", "Ready", ("INVOKE",)), {"name": "agent", "state": "Ready", "events": ("INVOKE",)}),
    (
        TelemetrySubscription("agent", ("platform",)),
        {"name": "agent", "state": "Subscribed", "types": ("platform",)},
    ),
    (LogsDropped(12345, 123, "slow"), {"droppedBytes": 12345, "droppedRecords": 123, "reason": "slow"}),
]

FULL: list[tuple[Record, dict[str, object]]] = [
    (
        InitStart(
            "hello",
            "7",
            InitializationType.PROVISIONED_CONCURRENCY,
            InitPhase.INVOKE,
            "python:3.13.v43",
            "arn:runtime",
            "2026/11/21/[7]abc",
            256,
            "arn:function",
            TRACING,
        ),
        {
            "initializationType": "provisioned-concurrency",
            "phase": "invoke",
            "functionName": "hello",
            "functionVersion": "7",
            "functionArn": "arn:function",
            "runtimeVersion": "python:3.13.v43",
            "runtimeVersionArn": "arn:runtime",
            "instanceId": "2026/11/21/[7]abc",
            "instanceMaxMemory": 256,
            "tracing": TRACE_CONTEXT,
        },
    ),
    (
        InitRuntimeDone(ERROR, "Runtime.ExitError", spans=SPANS, tracing=TRACING),
        {
            "initializationType": "on-demand",
            "phase": "init",
            "status": ERROR,
            "errorType": "Runtime.ExitError",
            "spans": SPAN_LIST,
            "tracing": TRACE_CONTEXT,
        },
    ),
    (
        InitReport(ERROR, 1.0, "Runtime.ExitError", spans=SPANS, tracing=TRACING),
        {
            "initializationType": "on-demand",
            "phase": "init",
            "status": ERROR,
            "errorType": "Runtime.ExitError",
            "metrics": {"durationMs": 1.0},
            "spans": SPAN_LIST,
            "tracing": TRACE_CONTEXT,
        },
    ),
    (
        RestoreStart("hello", "1", "python:3.13.v43", "arn:runtime", "stream", 256),
        {
            "functionName": "hello",
            "functionVersion": "1",
            "runtimeVersion": "python:3.13.v43",
            "runtimeVersionArn": "arn:runtime",
            "instanceId": "stream",
            "instanceMaxMemory": 256,
        },
    ),
    (RestoreRuntimeDone(ERROR, "Runtime.X", SPANS), {"status": ERROR, "errorType": "Runtime.X", "spans": SPAN_LIST}),
    (
        RestoreReport(ERROR, 1.0, "Runtime.X", SPANS),
        {"status": ERROR, "errorType": "Runtime.X", "metrics": {"durationMs": 1.0}, "spans": SPAN_LIST},
    ),
    (
        Start("id-1", "1", "tenant", TRACING, "arn:function"),
        {
            "requestId": "id-1",
            "version": "1",
            "functionArn": "arn:function",
            "tenantId": "tenant",
            "tracing": TRACE_CONTEXT,
        },
    ),
    (
        RuntimeDone("id-1", ERROR, 1.0, "Runtime.X", "not told", 0, "tenant", SPANS, TRACING),
        {
            "requestId": "id-1",
            "status": ERROR,
            "errorType": "Runtime.X",
            "tenantId": "tenant",
            "metrics": {"durationMs": 1.0, "producedBytes": 0},
            "spans": SPAN_LIST,
            "tracing": TRACE_CONTEXT,
        },
    ),
    (
        Report("id-1", ERROR, 1.0, 2, 128, 84, 397.681, "Runtime.X", 5.0, 6, "tenant", SPANS, TRACING),
        {
            "requestId": "id-1",
            "status": ERROR,
            "errorType": "Runtime.X",
            "tenantId": "tenant",
            "metrics": {
                "durationMs": 1.0,
                "billedDurationMs": 2,
                "memorySizeMB": 128,
                "maxMemoryUsedMB": 84,
                "initDurationMs": 397.68,
                "restoreDurationMs": 5.0,
                "billedRestoreDurationMs": 6,
            },
            "spans": SPAN_LIST,
            "tracing": TRACE_CONTEXT,
        },
    ),
    (
        ExtensionRecord("agent", "LaunchError", (), "PermissionDenied"),
        {"name": "agent", "state": "LaunchError", "events": (), "errorType": "PermissionDenied"},
    ),
]


@pytest.mark.parametrize(("record", "members"), BARE + FULL, ids=lambda value: type(value).__name__)
def test_the_members(record: Record, members: dict[str, object]) -> None:
    """Every member where the schema has it, and none for what is not known."""
    assert msgspec.to_builtins(telemetry_members(record)) == msgspec.to_builtins(members)


def test_no_event_is_forgotten() -> None:
    """Every record has its members, but for lines and for the other API's subscription."""
    described = {type(record) for record, _ in BARE} | {FunctionLine, ExtensionLine, LogsSubscription}
    assert described == set(typing.get_args(Record))
    assert telemetry_members(LogsSubscription("agent", ("platform",))) is None
