"""One streamed answer of a runtime on its way through: body in, verdict out.

Strategy: pieces go to the stream as they come, up to the limit; what became of the answer is told once, by `over`. That is when the body
ends: whole, with an error in its trailers, or cut off. Only one that is too large is over before that; the rest of it is read and
dropped. The runtime has its answer when its body is over, and by then `over` may refuse it: an invocation can end while its answer is
still being sent.
Source: the Developer Guide's pages runtimes-custom and configuration-response-streaming; verdicts are those of AWS's open-source emulator.
"""

from __future__ import annotations

from collections.abc import Callable

from runtime_api.http_connection import Connection, Request
from runtime_api.protocol.invocation import Outcome, OutcomeKind, too_large, truncated
from runtime_api.protocol.limits import STREAM_LIMIT_BYTES
from runtime_api.protocol.runtime.errors import RequestEntityTooLarge, RuntimeApiError, TruncatedHttpRequest
from runtime_api.protocol.runtime.messages import ACCEPTED, error_reply
from runtime_api.sandbox.endpoint.answers import has_failed, trailer_outcome
from runtime_api.sandbox.endpoint.response_stream import LiveStream


class StreamedAnswer:
    """Implements `http_connection.Receiver`. `over` raises RuntimeApiError where the answer does not count any more."""

    def __init__(
        self,
        stream: LiveStream,
        connection: Connection,
        request_id: str,
        over: Callable[[Outcome], None],
    ) -> None:
        self._stream = stream
        self._connection = connection
        self._request_id = request_id
        self._over = over
        self._refusal: RuntimeApiError | None = None

    def feed(self, piece: bytes) -> None:
        """Pass it on, as far as there is room."""
        room = STREAM_LIMIT_BYTES - self._stream.size_bytes
        if room > 0:
            self._stream.feed(piece[:room])
        if len(piece) > room and self._refusal is None:
            self._tell(too_large(STREAM_LIMIT_BYTES))
            self._refusal = self._refusal or RequestEntityTooLarge(STREAM_LIMIT_BYTES)

    def end(self, request: Request) -> None:
        """Say how it went, and answer the runtime."""
        if self._refusal is None:
            self._tell(self._verdict(request))
        if self._refusal is None and request.truncated:
            self._refusal = TruncatedHttpRequest()
        if self._refusal is None:
            self._connection.answer(202, ACCEPTED)
        else:
            self._connection.answer(self._refusal.status, error_reply(self._refusal))

    def _tell(self, outcome: Outcome) -> None:
        try:
            self._over(outcome)
        except RuntimeApiError as refusal:
            self._refusal = refusal

    def _verdict(self, request: Request) -> Outcome:
        if request.truncated:
            return truncated(self._request_id)
        if has_failed(request):
            return trailer_outcome(request.trailers)
        return Outcome(OutcomeKind.SUCCESS, b"", self._stream.content_type)
