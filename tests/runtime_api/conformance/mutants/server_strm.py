"""Mutants of SV-STRM."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from .server_reference import UNHANDLED, Invocation, Reply, Request, Sandbox, Server, mutant, refused, reshaped

reshaped("SV-STRM-008", "invoke", lambda reply: replace(reply, body=reply.body[:3]))
reshaped("SV-STRM-009", "invoke", lambda reply: reply.without(UNHANDLED[0]))


@mutant("SV-STRM-001")
class Collects(Server):
    """It sends a stream when all of it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[bytes] = []
        self.is_at_end = False

    async def send_piece(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        if self.is_at_end:
            await super().send_piece(writer, piece)
        else:
            self.held.append(piece)

    def rest_of_stream(self, reply: Reply, streamed: bool) -> list[bytes]:
        self.is_at_end = True
        return self.held + super().rest_of_stream(reply, streamed)

    def completion(self, reply: Reply, streamed: bool) -> dict[str, str]:
        self.is_at_end, self.held = False, []
        return super().completion(reply, streamed)


@mutant("SV-STRM-002")
class MiscountsChecksum(Server):
    """Its checksums are wrong."""

    def checksum(self, message: bytes) -> int:
        return super().checksum(message) ^ 1


@mutant("SV-STRM-003")
class EndsBadly(Server):
    """A good stream ends with an error."""

    def completion(self, reply: Reply, streamed: bool) -> dict[str, str]:
        return {"ErrorCode": "Unhandled"} if streamed else super().completion(reply, streamed)


@mutant("SV-STRM-004")
class ReplacesLetters(Server):
    """It knows better how to spell."""

    async def send_piece(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        await super().send_piece(writer, piece.replace("ß".encode(), b"ss"))


@mutant("SV-STRM-005")
class IgnoresTrailers(Server):
    """A stream that has begun is always a good one."""

    def completion(self, reply: Reply, streamed: bool) -> dict[str, str]:
        return {} if streamed else super().completion(reply, streamed)


@mutant("SV-STRM-006")
class HidesErrors(Server):
    """An error before any byte is not told."""

    def completion(self, reply: Reply, streamed: bool) -> dict[str, str]:
        return super().completion(reply, streamed) if streamed else {}


@mutant("SV-STRM-007")
class StreamsOnlyStreams(Server):
    """A result in one piece is no stream."""

    def rest_of_stream(self, reply: Reply, streamed: bool) -> list[bytes]:
        return []


@mutant("SV-STRM-010")
class TakesHalfForAll(Sandbox):
    """A stream that is cut off has ended."""

    def truncated(self, invocation: Invocation, body: bytes) -> Reply:
        self.settle(invocation, Reply(200, body))
        return refused(400, "TruncatedHTTPRequest")


@mutant("SV-STRM-005")
class RefusesBrokenStreams(Sandbox):
    """It hears of the error in the trailers, and refuses the stream for it."""

    def take(self, invocation: Invocation, body: bytes, request: Request) -> Reply:
        reply = super().take(invocation, body, request)
        return refused(400, "InvalidRequest") if request.trailers else reply
