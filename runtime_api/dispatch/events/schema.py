"""The table of events, and how a row becomes an event.

A payload stands last in its row: what only looks at the other columns does not read it. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from typing import Any

import msgspec

from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent, QueuedEvent

VERSION = 1
CREATE = """
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT,
    request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    tenant_id TEXT,
    accepted_ms REAL NOT NULL,
    due_ms REAL NOT NULL,
    attempts INTEGER NOT NULL,
    throttles INTEGER NOT NULL,
    reason TEXT,
    finished BLOB,
    payload BLOB NOT NULL
);
CREATE INDEX waiting ON events (state, function, due_ms);
"""
COLUMNS = (
    "sequence, function, qualifier, request_id, trace_id, tenant_id, accepted_ms, due_ms, attempts, throttles, "
    "reason, payload"
)
WITH_FINISHED = f"{COLUMNS}, finished"
INSERT = (
    "INSERT INTO events (state, function, qualifier, request_id, trace_id, tenant_id, accepted_ms, due_ms, attempts, "
    f"throttles, payload) VALUES ('{EventState.QUEUED.value}', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(FinishedEvent).decode


def row_of(event: QueuedEvent) -> tuple[object, ...]:
    """What INSERT takes."""
    return (
        event.function_name,
        event.qualifier,
        event.request_id,
        event.trace_id,
        event.tenant_id,
        event.accepted_ms,
        event.due_ms,
        event.attempts,
        event.throttles,
        event.payload,
    )


def event_of(row: Any) -> QueuedEvent:  # noqa: ANN401  (a row is what SQLite makes of it)
    """The event in COLUMNS."""
    return QueuedEvent(
        sequence=row[0],
        function_name=row[1],
        qualifier=row[2],
        request_id=row[3],
        trace_id=row[4],
        tenant_id=row[5],
        accepted_ms=row[6],
        due_ms=row[7],
        attempts=row[8],
        throttles=row[9],
        reason=row[10],
        payload=row[11],
    )


def ending_of(finished: FinishedEvent) -> bytes:
    """How an event ended, for the column of that name: all but the payload, which has its own."""
    without_payload = msgspec.structs.replace(finished.event, payload=b"")
    return _encode(msgspec.structs.replace(finished, event=without_payload))


def finished_of(row: Any) -> FinishedEvent:  # noqa: ANN401
    """The finished event in WITH_FINISHED."""
    return msgspec.structs.replace(_decode(row[12]), event=event_of(row))
