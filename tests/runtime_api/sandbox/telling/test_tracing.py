from __future__ import annotations

import msgspec

from runtime_api.sandbox.telling.tracing import traced
from runtime_api.telemetry.events import Tracing
from tests.runtime_api.fake_runtime import invocation

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
CALL = msgspec.structs.replace(invocation(), trace_id=HEADER)


def test_passed_on() -> None:
    """Without a segment of its own the header stays as it is, and events tell of it when it is sampled."""
    assert traced(CALL, None) == (CALL, Tracing(HEADER, upstream_id="53995c3f42cd8ad8"))
    unsampled = msgspec.structs.replace(CALL, trace_id=HEADER.replace("Sampled=1", "Sampled=0"))
    assert traced(unsampled, None) == (unsampled, None)


def test_a_segment_of_its_own() -> None:
    """It becomes the parent of whatever the function does; the caller's is its own parent."""
    given, tracing = traced(CALL, "0123456789abcdef")
    assert given.trace_id == HEADER.replace("53995c3f42cd8ad8", "0123456789abcdef")
    assert tracing == Tracing(given.trace_id, upstream_id="53995c3f42cd8ad8")
