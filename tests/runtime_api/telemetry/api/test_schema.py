from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.telemetry.api.schema import Schema, encode_event, json_object
from runtime_api.telemetry.events import Event, ExtensionLine, FunctionLine, RuntimeDone, Start

TIME_MS = 1_700_000_000_123.0
TIME = b'"time":"2023-11-14T22:13:20.123Z"'
ALL = list(Schema)
STRINGS_ONLY = [Schema.TELEMETRY_2022_07_01, Schema.LOGS_2020_08_15, Schema.LOGS_2021_03_18]
NOT_OBJECTS = [
    b"plain\n",
    b"",
    b"[1]\n",
    b"1\n",
    b'"text"\n',
    b'{"a":\n',
    b'{"a":NaN}\n',
    b'{"a":1} {"b":2}\n',
    b'{"a":"\xff"}\n',
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
]


@pytest.mark.parametrize("schema", ALL)
def test_the_envelope(schema: Schema) -> None:
    """Time, type and record, in this order, on one line."""
    event = Event(TIME_MS, Start("id-1", "$LATEST"))
    assert encode_event(event, schema) == [
        b'{%b,"type":"platform.start","record":{"requestId":"id-1","version":"$LATEST"}}' % TIME
    ]


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        (Schema.TELEMETRY_2022_07_01, ["platform.runtimeDone"]),
        (Schema.TELEMETRY_2022_12_13, ["platform.runtimeDone"]),
        (Schema.TELEMETRY_2025_01_29, ["platform.runtimeDone"]),
        (Schema.LOGS_2020_08_15, ["platform.fault", "platform.end"]),
        (Schema.LOGS_2021_03_18, ["platform.fault", "platform.runtimeDone", "platform.end"]),
    ],
)
def test_an_event_may_be_several(schema: Schema, types: list[str]) -> None:
    """The Logs API tells of an end what the Telemetry API tells at once."""
    event = Event(TIME_MS, RuntimeDone("id-1", OutcomeKind.ERROR, 1.0, "Runtime.ExitError", "Runtime exited"))
    assert [json.loads(item)["type"] for item in encode_event(event, schema)] == types


@pytest.mark.parametrize("schema", ALL)
def test_a_line_is_a_string(schema: Schema) -> None:
    """With its line feed; bytes that are no text are replaced."""
    [function] = encode_event(Event(TIME_MS, FunctionLine(b'said "x"\t\xff\x00\n')), schema)
    [extension] = encode_event(Event(TIME_MS, ExtensionLine("agent", b"said")), schema)
    assert function == b'{%b,"type":"function","record":"said \\"x\\"\\t\xef\xbf\xbd\\u0000\\n"}' % TIME
    assert extension == b'{%b,"type":"extension","record":"said"}' % TIME


@pytest.mark.parametrize("schema", ALL)
@pytest.mark.parametrize("json_logs", [True, False])
def test_a_json_line_is_an_object_where_function_and_version_have_it_so(schema: Schema, json_logs: bool) -> None:
    """Elsewhere it is a string like any other."""
    [item] = encode_event(Event(TIME_MS, FunctionLine(b' {"level": "INFO", "n": 1.0}\n')), schema, json_logs=json_logs)
    as_object = json_logs and schema not in STRINGS_ONLY
    record = b'{"level": "INFO", "n": 1.0}' if as_object else b'" {\\"level\\": \\"INFO\\", \\"n\\": 1.0}\\n"'
    assert item == b'{%b,"type":"function","record":%b}' % (TIME, record)


def test_an_extensions_json_line_is_an_object_too() -> None:
    """The format is that of the function's configuration."""
    event = Event(TIME_MS, ExtensionLine("agent", b'{"a":1}\n'))
    assert encode_event(event, Schema.TELEMETRY_2025_01_29, json_logs=True) == [
        b'{%b,"type":"extension","record":{"a":1}}' % TIME
    ]


def test_a_line_may_bring_its_own_time() -> None:
    """As those of the framed descriptor do."""
    [item] = encode_event(Event(TIME_MS, FunctionLine(b"x", 1000.0)), Schema.TELEMETRY_2025_01_29)
    assert json.loads(item)["time"] == "1970-01-01T00:00:01.000Z"


@pytest.mark.parametrize("line", NOT_OBJECTS, ids=lambda line: repr(line[:20]))
def test_anything_else_is_no_object(line: bytes) -> None:
    """Broken, too deep, not UTF-8, more than one, or no object at all."""
    assert json_object(line) is None


def test_an_object_of_several_lines_becomes_one_line() -> None:
    """Events are told apart by their lines where the listener takes TCP."""
    assert json_object(b'{\n "a": [1,\r\n 2.50],\n "b": "x\\ny"\n}\n') == b'{"a":[1,2.50],"b":"x\\ny"}'


@given(st.binary(max_size=200), st.sampled_from(ALL), st.booleans())
def test_any_line_makes_one_line_of_valid_json(line: bytes, schema: Schema, json_logs: bool) -> None:
    """Whatever a function prints."""
    [item] = encode_event(Event(TIME_MS, FunctionLine(line)), schema, json_logs=json_logs)
    assert b"\n" not in item
    assert json.loads(item)["type"] == "function"


@given(
    st.dictionaries(
        st.text(), st.none() | st.integers() | st.text() | st.lists(st.floats(allow_nan=False, allow_infinity=False))
    )
)
def test_an_object_keeps_its_content(members: dict[str, object]) -> None:
    """Member for member."""
    line = json.dumps(members, indent=1).encode() + b"\n"
    [item] = encode_event(Event(TIME_MS, FunctionLine(line)), Schema.TELEMETRY_2025_01_29, json_logs=True)
    assert json.loads(item)["record"] == members
