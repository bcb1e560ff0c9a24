"""A pytest fixture: functions served for the length of a test, for tests that call with boto3 or any other client.

    def test_hello(pilotlight):
        url = pilotlight(Function(name="hello", task_root="/…/hello", handler="app.handler"))
        boto3.client("lambda", endpoint_url=url, …).invoke(FunctionName="hello")

The platform runs on an event loop in a thread of its own, so the test may block. The functions' log goes to standard error, where
pytest catches it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runtime_api.frontend.platform import Platform
    from runtime_api.protocol.function.function import Function


def _to_stderr(_name: str, text: bytes) -> None:
    # Looked up each time: pytest puts its own there, and shows what it caught when the test fails.
    sys.stderr.write(text.decode(errors="replace").replace("\r", "\n"))


@pytest.fixture
def pilotlight() -> Iterator[Callable[..., str]]:
    """Call it with functions; it serves them until the test is over, and returns the endpoint's URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="pilotlight")
    thread.start()
    running: list[Platform] = []

    def serve(*functions: Function) -> str:
        from runtime_api.frontend.platform import Platform

        platform = Platform(functions, log=_to_stderr)
        asyncio.run_coroutine_threadsafe(platform.__aenter__(), loop).result()
        running.append(platform)
        return platform.endpoint_url

    try:
        yield serve
        for platform in running:
            asyncio.run_coroutine_threadsafe(platform.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
