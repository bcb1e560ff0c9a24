"""Workers: many invocations at once in one sandbox, as AWS_LAMBDA_MAX_CONCURRENCY asks for.

Each worker asks for events over a connection of its own and answers one after the other, as a sandbox does that serves
one at a time (https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html). What a worker is,
PILOTLIGHT_CONCURRENCY_MODE says:

    async      a thread that waits while its invocation runs as a task on the one event loop, in the main thread
    thread     a thread that calls the handler; if that turns out to be async, the same
    process    a process, for handlers that do not expect to share their globals

Without that variable async handlers run in mode async, others in mode process.
"""

import os

from ..adapter import is_async
from ..errors import SandboxError
from ..handler import load_handler
from ..loop import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..client import LambdaRuntimeClient
    from ..context import LambdaContext
    from ..handler import Handler

ENV_MODE = "PILOTLIGHT_CONCURRENCY_MODE"
ENV_OUTPUT_SOCKET = "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"
MODES = ("async", "process", "thread")


def serve(name: str, limit: str) -> None:
    """Serve the handler of that name, as many invocations at once as the limit says. Raises what ends it.

    Raises SandboxError when the limit or the mode makes no sense.
    """
    count = _parse_limit(limit)
    mode = os.environ.get(ENV_MODE, "").lower()
    if mode and mode not in MODES:
        raise SandboxError(f"{ENV_MODE} must be one of {', '.join(MODES)}, it is {mode!r}")
    if mode in ("async", "thread"):
        from .threads import serve_in_threads

        _connect_output()
        client, handler = _load(name)
        serve_in_threads(client, handler, count)
    _serve_in_processes(name, count, may_share=not mode)


def _serve_in_processes(name: str, count: int, *, may_share: bool) -> None:
    """Only a process that has loaded the handler knows whether it is an async one; that process then serves alone."""
    from .supervisor import LOADED, LOADED_FOR_ALL, SERVED, fork_workers

    link = fork_workers(count)
    _connect_output()
    client, handler = _load(name, is_first=link.is_first)
    handler = _after_first_call(handler, lambda: link.tell(SERVED))
    if may_share and is_async(load_handler(name)):
        from .threads import serve_in_threads

        link.tell(LOADED_FOR_ALL)
        serve_in_threads(client, handler, count)
    link.tell(LOADED)
    run(client, handler)


def _after_first_call(handler: "Handler", then: "Callable[[], None]") -> "Handler":
    """The handler, which reports the first event it gets."""
    told = False

    def call(event: object, context: "LambdaContext") -> object:
        nonlocal told
        if not told:
            told = True
            then()  # twice does no harm
        return handler(event, context)

    return call


def _load(name: str, *, is_first: bool = True) -> "tuple[LambdaRuntimeClient, Handler]":
    from ..start import connect, load

    client = connect()
    return client, load(name, client, is_first=is_first)


def _connect_output() -> None:
    path = os.environ.get(ENV_OUTPUT_SOCKET)
    if path:
        from ..logs import connect_provider_socket

        connect_provider_socket(path)


def _parse_limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise SandboxError(f"AWS_LAMBDA_MAX_CONCURRENCY must be a number from 1 on, it is {text!r}")
    return int(text)
