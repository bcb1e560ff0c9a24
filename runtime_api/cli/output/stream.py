"""The answer of InvokeWithResponseStream on a terminal: its pieces on standard output as they come, its end as an exit code."""

from __future__ import annotations

from http.client import HTTPResponse

import click

from runtime_api.cli.output.result import print_piece, print_tail
from runtime_api.protocol.invoke.event_stream import PRELUDE_BYTES, Frame, read_end, read_frame, rest_of_frame


def print_stream(response: HTTPResponse) -> int:
    """Print it to its end: 0, or 1 for a function error, which is printed on standard error. Raises BadFrame when it is cut off."""
    last = b"\n"
    frame = _next(response)
    while frame.event_type != "InvokeComplete":
        print_piece(frame.payload)
        last = frame.payload or last
        frame = _next(response)
    if not last.endswith(b"\n"):
        print_piece(b"\n")
    return _print_end(frame)


def _next(response: HTTPResponse) -> Frame:
    prelude = response.read(PRELUDE_BYTES)
    return read_frame(prelude + response.read(rest_of_frame(prelude)))


def _print_end(frame: Frame) -> int:
    end = read_end(frame)
    if end.log_result:
        print_tail(end.log_result)
    if end.error_code is None:
        return 0
    click.echo(end.error_details or end.error_code, err=True)
    return 1
