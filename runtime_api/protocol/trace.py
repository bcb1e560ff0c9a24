"""X-Ray trace headers: `Root=1-<8 hex of time>-<24 hex>;Parent=<16 hex>;Sampled=0`.

Source: the AWS X-Ray Developer Guide's page on the tracing header.
"""

from __future__ import annotations


def new_trace_id(now_ms: float, random_bytes: bytes) -> str:
    """A trace that nobody samples; `random_bytes` are 20 bytes."""
    digits = random_bytes.hex()
    return f"Root=1-{int(now_ms / 1000):08x}-{digits[:24]};Parent={digits[24:40]};Sampled=0"
