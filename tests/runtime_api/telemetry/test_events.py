from __future__ import annotations

import msgspec

from runtime_api.protocol.invocation import OutcomeKind
from runtime_api.telemetry.events import Tracing, sampled_tracing

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"


def test_a_status_is_written_as_its_value() -> None:
    """success, error, timeout, failure."""
    assert [msgspec.to_builtins(kind) for kind in OutcomeKind] == ["success", "error", "timeout", "failure"]


def test_only_a_sampled_trace_is_told() -> None:
    """A header that says 0, or nothing, leaves events without tracing."""
    assert sampled_tracing(f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=0") is None
    assert sampled_tracing(f"{ROOT};Parent=53995c3f42cd8ad8") is None
    assert sampled_tracing("") is None


def test_a_sampled_trace_knows_where_it_came_from() -> None:
    """The runtime's header as it is, and the parent that came in as the parent of the function's segment."""
    value, upstream = f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=1", f"{ROOT};Parent=aaaaaaaaaaaaaaaa;Sampled=1"
    assert sampled_tracing(value, upstream) == Tracing(value, upstream_id="aaaaaaaaaaaaaaaa")
    assert sampled_tracing(value) == Tracing(value)
