"""The answer of InvokeWithResponseStream: headers first, and then frames as the function writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from runtime_api.protocol.invocation import Outcome
from runtime_api.protocol.invoke.event_stream import invoke_complete, payload_chunk


class EventStream:
    """An answer with status 200 that has begun; `headers` are those of its head. Whoever has it reads its frames, or abandons it."""

    def __init__(self, headers: dict[str, str], outcome: Outcome) -> None:
        self.headers = headers
        self._outcome = outcome

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """One for each piece, then the one that says how it went; an answer that came whole is one piece, an error none."""
        outcome = self._outcome
        if outcome.stream is not None:
            async for piece in outcome.stream:
                yield payload_chunk(piece)
            outcome = await outcome.stream.end()
        elif outcome.body and not outcome.is_function_error:
            yield payload_chunk(outcome.body)
        yield invoke_complete(outcome)

    def abandon(self) -> None:
        """Nobody reads on: the function runs to its end all the same."""
        if self._outcome.stream is not None:
            self._outcome.stream.abandon()


async def send(answer: EventStream, request: web.Request) -> web.StreamResponse:
    """Write it to the caller, no faster than that reads; raises ConnectionError when the caller went away."""
    response = web.StreamResponse(headers=answer.headers)
    try:
        await response.prepare(request)
        async with aclosing(answer.frames()) as frames:
            async for frame in frames:
                await response.write(frame)
        await response.write_eof()
    finally:
        answer.abandon()
    return response
