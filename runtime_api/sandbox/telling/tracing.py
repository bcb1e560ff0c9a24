"""The trace of an invocation, as the runtime is given it.

Under active tracing the function has a segment of its own, new for each attempt, and is given it as parent; else the header is
passed on as it came.
Source: the Developer Guide's services-xray page.
"""

from __future__ import annotations

import msgspec

from runtime_api.protocol.invocation import Invocation
from runtime_api.protocol.invoke.trace import runtime_trace
from runtime_api.telemetry.events import Tracing, sampled_tracing


def traced(invocation: Invocation, segment_id: str | None) -> tuple[Invocation, Tracing | None]:
    """The invocation with its header, and what events say of it; `segment_id` is None where nothing is traced actively."""
    upstream = invocation.trace_id
    if segment_id is not None:
        invocation = msgspec.structs.replace(invocation, trace_id=runtime_trace(upstream, segment_id))
    # Most are not, and looking closer costs more than a look.
    if "Sampled=1" not in invocation.trace_id:
        return invocation, None
    return invocation, sampled_tracing(invocation.trace_id, upstream)
