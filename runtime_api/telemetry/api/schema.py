"""Events as JSON objects, in every version of the Telemetry API's schema and of the Logs API's. A pure function of an event.

Source: the Developer Guide's pages telemetry-schema-reference and runtimes-logs-api.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from runtime_api.protocol.timestamps import iso_time
from runtime_api.telemetry.api.logs_records import logs_records
from runtime_api.telemetry.api.records import Members, telemetry_members, type_of
from runtime_api.telemetry.events import Event, ExtensionLine, FunctionLine


class Schema(str, Enum):
    """A `schemaVersion`; the first three are the Telemetry API's, the others the Logs API's."""

    TELEMETRY_2022_07_01 = "2022-07-01"
    TELEMETRY_2022_12_13 = "2022-12-13"
    TELEMETRY_2025_01_29 = "2025-01-29"
    LOGS_2020_08_15 = "2020-08-15"
    LOGS_2021_03_18 = "2021-03-18"

    # Members are singletons; Enum would hash their names, in Python, at every look-up.
    __hash__ = object.__hash__


TELEMETRY_SCHEMAS = (Schema.TELEMETRY_2022_07_01, Schema.TELEMETRY_2022_12_13, Schema.TELEMETRY_2025_01_29)
LOGS_SCHEMAS = (Schema.LOGS_2020_08_15, Schema.LOGS_2021_03_18)
_LOGS = set(LOGS_SCHEMAS)
_LINES_MAY_BE_OBJECTS = {Schema.TELEMETRY_2022_12_13, Schema.TELEMETRY_2025_01_29}
_encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    time: str
    type: str
    record: Members | msgspec.Raw | str


def encode_event(event: Event, schema: Schema, *, json_logs: bool = False) -> list[bytes]:
    """The event's JSON objects, each on one line: mostly one, none where the schema has no such event.

    `json_logs` is whether the function's log format is JSON: then a line that is a JSON object stays one, in versions that have it so.
    """
    record = event.record
    if isinstance(record, (FunctionLine, ExtensionLine)):
        return [_encode_line(event.time_ms, record, json_logs and schema in _LINES_MAY_BE_OBJECTS)]
    time = iso_time(event.time_ms)
    if schema in _LOGS:
        described = logs_records(record, with_runtime_done=schema is Schema.LOGS_2021_03_18)
        return [_encode(_Envelope(time, name, content)) for name, content in described]
    members = telemetry_members(record)
    return [_encode(_Envelope(time, type_of(record), members))] if members is not None else []


def json_object(line: bytes) -> bytes | None:
    """The line as a JSON object on one line; None when it is anything else."""
    text = line.strip()
    if not text.startswith(b"{"):
        return None
    try:
        text.decode()
        _decode_object(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return msgspec.json.format(text, indent=-1) if b"\n" in text or b"\r" in text else text


def _encode_line(time_ms: float, record: FunctionLine | ExtensionLine, as_object: bool) -> bytes:
    if isinstance(record, FunctionLine) and record.time_ms is not None:
        time_ms = record.time_ms
    content = json_object(record.line) if as_object else None
    said = msgspec.Raw(content) if content is not None else record.line.decode(errors="replace")
    return _encode(_Envelope(iso_time(time_ms), type_of(record), said))
