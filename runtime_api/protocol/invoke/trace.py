"""X-Ray trace headers: `Root=1-<8 hex of time>-<24 hex>;Parent=<16 hex>;Sampled=0`.

Fields come in any order, and those nobody here knows (`Self`, `Lineage`, …) are passed on as they are.
Source: the AWS X-Ray Developer Guide's page on the tracing header, and the Lambda Developer Guide's page services-xray.
"""

from __future__ import annotations

import msgspec


class TraceHeader(msgspec.Struct, frozen=True):
    """A header, field by field in its order."""

    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The value of a field."""
        return dict(self.fields).get(name)

    @property
    def is_sampled(self) -> bool:
        """Whether segments are wanted; a header that does not say means no."""
        return self.get("Sampled") == "1"

    def with_field(self, name: str, value: str) -> TraceHeader:
        """The same header with one field changed in its place, or added at the end."""
        fields = dict(self.fields) | {name: value}
        return TraceHeader(tuple(fields.items()))

    def __str__(self) -> str:
        return ";".join(f"{name}={value}" if value else name for name, value in self.fields)


def parse_trace(header: str) -> TraceHeader:
    """The fields of a header; whatever is between two semicolons is kept."""
    parts = (part.strip().partition("=") for part in header.split(";"))
    return TraceHeader(tuple((name, value) for name, _, value in parts if name))


def runtime_trace(header: str, segment_id: str) -> str:
    """What a runtime is given under active tracing: the same trace, with the function's own segment as parent.

    `segment_id` is 16 hexadecimal digits, new for each invocation. A header without `Sampled` says 0 from here on.
    """
    trace = parse_trace(header).with_field("Parent", segment_id)
    return str(trace if trace.get("Sampled") else trace.with_field("Sampled", "0"))


def new_trace_id(now_ms: float, random_bytes: bytes, *, sampled: bool = False) -> str:
    """A trace of our own; `random_bytes` are 20 bytes."""
    digits = random_bytes.hex()
    return f"Root=1-{int(now_ms / 1000):08x}-{digits[:24]};Parent={digits[24:40]};Sampled={int(sampled)}"
