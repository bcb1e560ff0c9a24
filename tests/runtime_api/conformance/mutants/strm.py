"""Mutants of STRM."""

from .featured import FeaturedRuntime
from .reference import Handler, Response, mutant


@mutant("RT-STRM-001")
class NoModeHeader(FeaturedRuntime):
    """It does not say that it streams."""

    def stream_headers(self, http_head: object) -> dict[str, str]:
        headers = super().stream_headers(http_head)
        del headers["Lambda-Runtime-Function-Response-Mode"]
        return headers


@mutant("RT-STRM-002")
class Gathers(FeaturedRuntime):
    """It sends everything at the end."""

    gathered = b""

    def send_chunk(self, data: bytes) -> None:
        self.gathered += data

    def end_stream(self, trailers: dict[str, str]) -> None:
        super().send_chunk(self.gathered)
        self.gathered = b""
        super().end_stream(trailers)


@mutant("RT-STRM-003")
class NoTrailers(FeaturedRuntime):
    """It ends a stream that failed as if all were well."""

    def error_trailers(self, error: Exception) -> dict[str, str]:
        return {}


@mutant("RT-STRM-004")
class BeginsAtOnce(FeaturedRuntime):
    """It begins the answer before the handler has said anything."""

    def stream(self, handler: Handler, event: Response) -> None:
        super().begin_stream(event, None)
        super().stream(handler, event)

    def begin_stream(self, event: Response, http_head: object) -> None:
        pass

    def post_error(self, event: Response, error: Exception) -> None:
        self.end_stream(self.error_trailers(error))


@mutant("RT-STRM-005")
class OneNul(FeaturedRuntime):
    """It ends the head of an HTTP answer with one NUL byte."""

    def http_head_end(self) -> bytes:
        return b"\0"
