"""The log tail of one invocation: the last 4 KiB of its log, from START to REPORT."""

from __future__ import annotations

from collections.abc import Callable

from runtime_api.protocol.limits import LOG_TAIL_BYTES
from runtime_api.telemetry.events import Event
from runtime_api.telemetry.log.text import text_lines


class LogTail:
    """A subscriber that keeps the end of what it saw, as `render` writes it; a flood costs no more than twice the limit."""

    def __init__(self, render: Callable[[Event], bytes] = text_lines) -> None:
        self._render = render
        self._kept = bytearray()

    def __call__(self, event: Event) -> None:
        self._kept += self._render(event)[-LOG_TAIL_BYTES:]
        if len(self._kept) > LOG_TAIL_BYTES:
            del self._kept[:-LOG_TAIL_BYTES]

    def restart(self) -> None:
        """Forget what was seen: the tail of an invocation begins with its START."""
        self._kept.clear()

    def text(self) -> bytes:
        """At most the last 4 KiB."""
        return bytes(self._kept)
