from __future__ import annotations

import msgspec
import pytest

from runtime_api.protocol.extension.errors import InvalidEventType, InvalidRequestFormat
from runtime_api.protocol.extension.messages import (
    ExtensionEvent,
    RegisterReply,
    ShutdownReason,
    encode_reply,
    invoke_event,
    parse_events,
    shutdown_event,
)
from tests.runtime_api.fake_runtime import ARN, REQUEST_ID, TRACE_ID, invocation

BOTH = frozenset({ExtensionEvent.INVOKE, ExtensionEvent.SHUTDOWN})


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'{"events":["INVOKE","SHUTDOWN"]}', BOTH),
        (b'{"events":["SHUTDOWN","SHUTDOWN"]}', frozenset({ExtensionEvent.SHUTDOWN})),
        (b'{"events":[]}', frozenset()),
        (b'{"events":null}', frozenset()),
        (b"{}", frozenset()),
        (b'{"events":["INVOKE"],"configurationKeys":[],"other":{"a":1}}', frozenset({ExtensionEvent.INVOKE})),
    ],
)
def test_the_events_of_a_register_call(body: bytes, events: frozenset[ExtensionEvent]) -> None:
    """Any subset of the two, none at all included; what nobody knows is overlooked."""
    assert parse_events(body, external=True) == events


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"events",
        b"[]",
        b'{"events":"INVOKE"}',
        b'{"events":[1]}',
        b'{"events":["INVOKE"]',
        b'{"events":["\xff"]}',
        b'{"events":["INVOKE"],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["empty", "word", "list", "string", "number", "unfinished", "not utf-8", "deep"],
)
def test_a_body_that_is_no_register_call(body: bytes) -> None:
    """InvalidRequestFormat, and never anything else."""
    with pytest.raises(InvalidRequestFormat):
        parse_events(body, external=True)


def test_configuration_keys_are_refused() -> None:
    """They belong to a version of the API that is gone."""
    with pytest.raises(InvalidRequestFormat) as refused:
        parse_events(b'{"events":[],"configurationKeys":["A"]}', external=True)
    assert str(refused.value) == "configurationKeys are deprecated; use environment variables instead"


@pytest.mark.parametrize("name", ["invoke", "", "RESTORE"])
@pytest.mark.parametrize("external", [True, False])
def test_an_event_there_is_not(name: str, external: bool) -> None:
    """Named in the refusal."""
    with pytest.raises(InvalidEventType) as refused:
        parse_events(msgspec.json.encode({"events": ["INVOKE", name]}), external=external)
    assert str(refused.value) == f"{name}: ErrorInvalidEventType"


def test_shutdown_is_for_external_extensions() -> None:
    """An internal one is a part of the runtime, which hears SIGTERM."""
    with pytest.raises(InvalidEventType) as refused:
        parse_events(b'{"events":["SHUTDOWN"]}', external=False)
    assert str(refused.value) == "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"


def test_nobody_hears_of_invocations_in_a_managed_sandbox() -> None:
    """External extensions hear of the end, internal ones of nothing."""
    assert parse_events(b'{"events":["SHUTDOWN"]}', external=True, managed=True) == {ExtensionEvent.SHUTDOWN}
    assert parse_events(b'{"events":[]}', external=False, managed=True) == set()
    with pytest.raises(InvalidEventType, match=r"^INVOKE: ErrorInvalidEventType$"):
        parse_events(b'{"events":["INVOKE"]}', external=True, managed=True)
    with pytest.raises(InvalidEventType, match=r"^No events allowed for internal extensions$"):
        parse_events(b'{"events":["INVOKE"]}', external=False, managed=True)


def test_the_reply_has_the_account_only_when_asked_for() -> None:
    """Members in the order of the wire."""
    reply = RegisterReply("hello", "$LATEST", "app.handler")
    facts = b'{"functionName":"hello","functionVersion":"$LATEST","handler":"app.handler"'
    assert encode_reply(reply) == facts + b"}"
    assert encode_reply(msgspec.structs.replace(reply, account_id="123456789012")) == (
        facts + b',"accountId":"123456789012"}'
    )


def test_the_invoke_event() -> None:
    """As documented; without a trace there is no member for it."""
    facts = f'{{"eventType":"INVOKE","deadlineMs":5,"requestId":"{REQUEST_ID}","invokedFunctionArn":"{ARN}"'
    tracing = f',"tracing":{{"type":"X-Amzn-Trace-Id","value":"{TRACE_ID}"}}'
    assert invoke_event(invocation(), 5).decode() == facts + tracing + "}"
    assert invoke_event(msgspec.structs.replace(invocation(), trace_id=""), 5).decode() == facts + "}"


@pytest.mark.parametrize("reason", ["spindown", "timeout", "failure"])
def test_the_shutdown_event(reason: str) -> None:
    """The reason is in lower case."""
    event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": 5}
    assert msgspec.json.decode(shutdown_event(ShutdownReason(reason), 5)) == event
