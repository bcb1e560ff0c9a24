"""How fast a streamed answer may go: the first 6 MB at once, then 2 MB a second.

Strategy: a bucket of tokens, one for each byte. It begins full, and fills again at the rate while less is taken. What is taken beyond it is
owed, and may leave when the debt would be paid.
Source: the Developer Guide's configuration-response-streaming page; that the bucket fills again is AWS's open-source emulator's.
"""

from __future__ import annotations

from runtime_api.protocol.limits import STREAM_BURST_BYTES, STREAM_RATE_BYTES_PER_S


class StreamBandwidth:
    """That of one answer; moments are milliseconds of a clock that never goes back."""

    def __init__(self, now_ms: float) -> None:
        self._tokens = float(STREAM_BURST_BYTES)
        self._filled_ms = now_ms

    def take(self, size_bytes: int, now_ms: float) -> float:
        """How many milliseconds from now a piece of this size may leave."""
        filled = self._tokens + (now_ms - self._filled_ms) * STREAM_RATE_BYTES_PER_S / 1000
        self._tokens = min(filled, STREAM_BURST_BYTES) - size_bytes
        self._filled_ms = now_ms
        return max(-self._tokens, 0) * 1000 / STREAM_RATE_BYTES_PER_S
