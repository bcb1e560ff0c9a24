from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.invoke.errors import InvalidParameterValue, InvalidRequestContent, ValidationFailed
from runtime_api.protocol.invoke.request import InvokeOptions, read_options


def options(headers: dict[str, str]) -> InvokeOptions:
    """What these headers ask for, written as callers write them."""
    return read_options({name.lower(): value for name, value in headers.items()})


def encoded(text: str | bytes) -> dict[str, str]:
    """Headers with a client context."""
    data = text.encode() if isinstance(text, str) else text
    return {"x-amz-client-context": base64.b64encode(data).decode()}


def test_no_headers_ask_for_nothing() -> None:
    """An ordinary synchronous call."""
    assert options({}) == InvokeOptions(False, False, False, None, None, None)


@pytest.mark.parametrize(("value", "dry_run"), [("RequestResponse", False), ("DryRun", True), ("", False)])
def test_invocation_types(value: str, dry_run: bool) -> None:
    """A dry run is told from a call; an empty header is none."""
    assert options({"x-amz-invocation-type": value}).dry_run is dry_run


def test_an_event_is_told_from_a_call() -> None:
    """Only the type says so."""
    assert options({"x-amz-invocation-type": "Event"}).is_asynchronous
    assert not options({"x-amz-invocation-type": "RequestResponse"}).is_asynchronous


@pytest.mark.parametrize(
    ("header", "value", "message"),
    [
        (
            "x-amz-invocation-type",
            "event",
            "Value 'event' at 'invocationType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
        ),
        (
            "x-amz-log-type",
            "tail",
            "Value 'tail' at 'logType' failed to satisfy constraint: Member must satisfy enum value set: [None, Tail]",
        ),
        (
            "x-amz-tenant-id",
            "a\tb",
            "Value 'a\tb' at 'tenantId' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [a-zA-Z0-9._:/=+\-@ ]{1,256}",
        ),
    ],
)
def test_values_outside_their_sets(header: str, value: str, message: str) -> None:
    """Refused with the value, the member and what it may be."""
    with pytest.raises(ValidationFailed) as refused:
        options({header: value})
    assert refused.value.message == f"1 validation error detected: {message}"


@pytest.mark.parametrize(("value", "wants"), [("Tail", True), ("None", False), ("", False)])
def test_log_types(value: str, wants: bool) -> None:
    """Tail asks for the log's end."""
    assert options({"x-amz-log-type": value}).wants_log_tail is wants


@pytest.mark.parametrize("tenant", ["blue", "a b", "x" * 256, "._:/=+-@"])
def test_tenants_that_are_allowed(tenant: str) -> None:
    """The tenant is passed on as it is."""
    assert options({"x-amz-tenant-id": tenant}).tenant_id == tenant


@pytest.mark.parametrize("tenant", ["", "x" * 257, "é", "a\nb", "a;b"])
def test_tenants_that_are_not(tenant: str) -> None:
    """It becomes a header of another request: only harmless characters pass."""
    with pytest.raises(ValidationFailed):
        options({"x-amz-tenant-id": tenant})


@pytest.mark.parametrize("trace", ["Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "x" * 1024])
def test_a_trace_is_passed_on(trace: str) -> None:
    """The caller's trace is the function's."""
    assert options({"x-amzn-trace-id": trace}).trace_id == trace


@pytest.mark.parametrize("trace", ["", "a b", "a\r\nb", "é", "x" * 1025])
def test_a_trace_that_cannot_be_used_is_ignored(trace: str) -> None:
    """Tracing never refuses a call."""
    assert options({"x-amzn-trace-id": trace}).trace_id is None


def test_durable_executions_are_refused() -> None:
    """The function has none configured."""
    with pytest.raises(InvalidParameterValue):
        options({"x-amz-durable-execution-name": "x"})


def test_a_client_context_is_passed_on_as_written() -> None:
    """Spaces, order and numbers stay as the caller wrote them."""
    text = '{"custom": {"b":1.50,  "a":"x"}}'
    assert options(encoded(text)).client_context == text


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ('{\n  "a":\t1\r\n}', '{   "a": 1  }'),
        ('{"a":"é😀\x7f"}', r'{"a":"\u00e9\ud83d\ude00\u007f"}'),
        ('{"a":"\\n"}', r'{"a":"\n"}'),
        ('{"é":1e999,"b":12345678901234567890.10}', r'{"\u00e9":1e999,"b":12345678901234567890.10}'),
    ],
)
def test_a_client_context_fits_in_a_header(text: str, header: str) -> None:
    """What is no printable ASCII is escaped; all else is untouched."""
    assert options(encoded(text)).client_context == header


JSON = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=3), st.booleans(), st.none() | st.integers(0, 3))
def test_no_client_context_ends_a_header(value: dict[str, object], ascii_only: bool, indent: int | None) -> None:
    """Whatever is in it, it stays one line of ASCII with the same meaning."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    context = options(encoded(text.encode(errors="surrogatepass") if not ascii_only else text)).client_context
    assert context is not None
    assert context.isascii()
    assert context.isprintable()
    assert json.loads(context) == value


@pytest.mark.parametrize(
    "header",
    [
        "%%%",
        "e30",
        "é",
        *(base64.b64encode(text).decode() for text in (b"[]", b"1", b"{", b'"a"', b"\xff", b'{"a":NaN}')),
    ],
)
def test_what_is_no_client_context(header: str) -> None:
    """Not base64, not UTF-8, not JSON, not an object."""
    with pytest.raises(InvalidRequestContent) as refused:
        options({"x-amz-client-context": header})
    assert refused.value.message == "Client context must be a valid Base64-encoded JSON object."


def test_an_empty_client_context_is_none() -> None:
    """An empty header is as good as no header."""
    assert options({"x-amz-client-context": ""}).client_context is None


def test_the_limit_counts_the_encoded_form() -> None:
    """3583 characters of base64, so 3580 fit and 3584 do not."""
    assert options(encoded(b'{"a":"%b"}' % (b"x" * (3580 // 4 * 3 - 8)))).client_context
    with pytest.raises(InvalidRequestContent) as refused:
        options(encoded(b'{"a":"%b"}' % (b"x" * (3584 // 4 * 3 - 8))))
    assert refused.value.message == "Client context must be no more than 3583 bytes when base64-encoded."
