"""Streams through the server: how soon boto3 has what the function writes, and what a long one costs the server in memory.

Strategy: the function writes the moment at which it writes, and the caller looks at its own clock when that is there: both are the same
machine's. The server's memory is looked at every few milliseconds while 200 MiB pass, by InvokeWithResponseStream and by the function's
URL, and the most that was seen counts.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.report import Figure, Result
from benchmarks.servers import Server, pilotlight

FUNCTION = Path(__file__).parent / "streaming_function"
NAME = "streaming_function"
MIB = 1024 * 1024
LOOK_AGAIN_S = 0.005


def run(calls: int = 300, mebibytes: int = 200) -> Result:
    """Measure `calls` first chunks, and one long stream each way."""
    with pilotlight(FUNCTION, "--timeout", "60", "--url-invoke-mode", "RESPONSE_STREAM", function=NAME) as server:
        client = server.client()
        delays = [_first_chunk(client) for _ in range(calls)]
        figures = [
            *_delays(delays),
            *_long("InvokeWithResponseStream", server, mebibytes, lambda: _by_boto3(client, mebibytes)),
            *_long("the function's URL", server, mebibytes, lambda: _by_url(server, mebibytes)),
        ]
        client.close()
    return Result("streams", f"{calls} first chunks; {mebibytes} MiB by each way", figures)


def _delays(seconds: list[float]) -> list[Figure]:
    return [
        Figure("first chunk at boto3 after it was written, median", median(seconds) * 1e3, "ms", "<=", 20),
        Figure("first chunk at boto3 after it was written, p99", quantiles(seconds, n=100)[98] * 1e3, "ms", "<=", 20),
        Figure("first chunk at boto3 after it was written, longest", max(seconds) * 1e3, "ms"),
    ]


def _long(way: str, server: Server, mebibytes: int, read: Callable[[], int]) -> list[Figure]:
    with _watched(server) as seen:
        before, began = server.resident_bytes(), time.perf_counter()
        taken = read()
        took = time.perf_counter() - began
    return [
        Figure(f"growth of the server while {mebibytes} MiB pass {way}", (max(seen) - before) / MIB, "MiB", "<=", 32),
        Figure(f"missing of them, {way}", mebibytes - taken / MIB, "MiB", "<=", 0),
        Figure(f"pace, {way}", taken / MIB / took, "MiB/s"),
    ]


@contextmanager
def _watched(server: Server) -> Iterator[list[int]]:
    """What the server's memory was, every few milliseconds."""
    seen = [server.resident_bytes()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_AGAIN_S):
            seen.append(server.resident_bytes())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def _pieces(client: Any, event: bytes) -> Iterator[bytes]:  # noqa: ANN401
    response = client.invoke_with_response_stream(FunctionName=NAME, Payload=event)
    for part in response["EventStream"]:
        if "PayloadChunk" in part:
            yield part["PayloadChunk"]["Payload"]


def _first_chunk(client: Any) -> float:  # noqa: ANN401
    """Seconds from writing to reading."""
    delays = [time.time() - float(piece) for piece in _pieces(client, b"{}")]
    return delays[0]


def _by_boto3(client: Any, mebibytes: int) -> int:  # noqa: ANN401
    return sum(len(piece) for piece in _pieces(client, b'{"mebibytes": %d}' % mebibytes))


def _by_url(server: Server, mebibytes: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", f"/lambda-url/{NAME}/{mebibytes}")
        response = connection.getresponse()
        return sum(len(piece) for piece in iter(lambda: response.read(65_536), b""))
    finally:
        connection.close()
