"""Threads: many invocations in one process, each asked for and answered by a thread of its own.

The main thread runs the event loop, or waits; it is the one that ends the process, as it would without threads.
"""

import sys

from .. import current
from ..loop import run
from ..start import connect
from ..surroundings.library import StandardLibrary

with StandardLibrary():
    from contextvars import copy_context
    from threading import Event, Thread

ROOT = __name__.partition(".")[0]  # the name the package goes by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from ..client import LambdaRuntimeClient
    from ..handler import Handler


def serve_in_threads(client: "LambdaRuntimeClient", handler: "Handler", count: int) -> "NoReturn":
    """Serve that many invocations at once, one of them over this client. Raises what ends one of the threads."""
    current.keep_apart()
    clients = [client, *(connect() for _ in range(count - 1))]

    def start(end: "Callable[[BaseException], None]") -> None:
        for number, client in enumerate(clients, 1):
            # What the function put into context variables while it was loaded is there for each thread.
            args = (_work, client, handler, end)
            Thread(target=copy_context().run, args=args, name=f"invocations {number}", daemon=True).start()

    event_loop = sys.modules.get(f"{ROOT}.event_loop")
    if event_loop is not None:  # the handler is async
        event_loop.serve(start)
    _wait(start)


def _work(client: "LambdaRuntimeClient", handler: "Handler", end: "Callable[[BaseException], None]") -> None:
    try:
        run(client, handler)
    except BaseException as error:
        end(error)


def _wait(start: "Callable[[Callable[[BaseException], None]], None]") -> "NoReturn":
    ended = Event()
    errors: list[BaseException] = []

    def end(error: BaseException) -> None:
        errors.append(error)
        ended.set()

    start(end)
    ended.wait()
    raise errors[0]
