"""An answer that goes on: what the function writes reaches the caller piece by piece, while the function still runs.

Strategy: an `Outcome` with a `stream` is only the beginning of an answer. Its holder reads the pieces and then asks for the `end`, which
is an Outcome of its own: by then the headers are with the caller, so an error can only be told at the end. Whoever cannot read on
abandons the stream; that stops nobody but the reader.
Source: the Developer Guide's pages configuration-response-streaming and runtimes-custom.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runtime_api.protocol.invocation import Outcome


class ResponseStream(Protocol):
    """One streamed answer, for one reader: read it to its end, or abandon it. Until then the function is held up."""

    @property
    def content_type(self) -> str:
        """What the runtime says the body is."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces as they come, none of them empty; over when the invocation is, whatever way it went."""

    async def end(self) -> Outcome:
        """How it went, once the pieces are over; its body is empty, or the error that cut the stream short, and the log tail is here."""

    def abandon(self) -> None:
        """Nobody reads on: the rest is dropped, the function runs to its end. Harmless at any time, also after the end."""
