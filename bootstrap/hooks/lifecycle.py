"""Lifecycle: what a function wants done after an answer, and when the platform ends the sandbox.

Lambda sends SIGTERM to a runtime only where an extension is registered, and kills it at once otherwise
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown). So a
function with a shutdown hook gets an extension that asks for no events: it is registered before the first `next`,
and its one request for an event stays unanswered on a connection of its own. From SIGTERM on there are 500 ms at most.
"""

import os

from ..client import JSON
from ..current import current_context
from ..errors import SandboxError
from ..logs import complain, flush_output
from ..surroundings.wakeup import wake_for_signals
from ..wire import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Awaitable, Callable
    from types import FrameType
    from typing import Any, TypeVar

    from ..context import LambdaContext

    Hook = TypeVar("Hook", bound=Callable[..., object])
    AfterResponse = TypeVar("AfterResponse", bound=Callable[..., object] | Awaitable[object])
else:
    import _signal  # what `signal` wraps, without the import of `enum`

# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
EXTENSION_API = "/2020-01-01/extension"
EXTENSION_NAME = "pilotlight-shutdown"
HEADER_EXTENSION_ID = "lambda-extension-identifier"
NO_EVENTS = b'{"events":[]}'
SIGTERM = 15
EXIT_BY_SIGNAL = 128

_hooks: "list[Callable[[], object]]" = []
_extension: "tuple[Connection, bytes] | None" = None
_process = 0
_previous: "Callable[[int, FrameType | None], Any] | int | None" = _signal.SIG_DFL
_shuts_down = False


def on_shutdown(func: "Hook") -> "Hook":
    """Call a function without arguments when the platform ends the sandbox; it may be async. Also a decorator.

    The last one registered is called first; one that fails is logged and the others still run. They run at once, in the
    main thread, on top of a handler that is at work, whose invocation is then not answered. An async one has to wait
    for code that keeps the event loop busy. Afterwards a SIGTERM handler of the function is called, or the process ends
    as SIGTERM ends it: without a word of `atexit`. Register it while the function is loaded: an extension, which Lambda
    wants to see for its SIGTERM, can only be registered then.
    """
    _hooks.append(func)
    if current_context() is not None:  # too late for start() to do it
        _install()
    return func


def after_response(func: "AfterResponse", *args: object, **kwargs: object) -> "AfterResponse":
    """Call a function, or await what can be awaited, once this invocation is answered and before the next event.

    Results and errors have no influence on the answer; errors are logged. The time counts as part of the invocation.
    Raises RuntimeError where there is no invocation.
    """
    context = current_context()
    if context is None:
        raise RuntimeError("after_response() needs an invocation to come after")
    context._after_response.append(lambda: func(*args, **kwargs) if callable(func) else func)
    return func


def run_after_response(context: "LambdaContext") -> None:
    """Do what was left for after the answer; a sys.exit() in it ends the process when all is done."""
    exits: list[SystemExit] = []
    while context._after_response:
        try:
            result = context._after_response.pop(0)()
            if hasattr(result, "__await__"):
                from ..event_loop import wait_for

                wait_for(result)
        except BaseException as error:
            _log(error, context.aws_request_id)
            if isinstance(error, SystemExit):
                exits.append(error)
    flush_output()
    if exits:
        raise exits[0]


def start(address: str, *, register: bool) -> None:
    """Make SIGTERM reach the hooks, if there are any; `register` tells whether this process does it for the sandbox."""
    if _hooks:
        _install()
        if register:
            _register_extension(address)


def park_extension() -> None:
    """Ask for the event that never comes, over a new connection."""
    if _extension is not None:
        connection, request = _extension
        connection.close()
        try:
            connection.begin(request)
        except OSError as error:
            complain(f"cannot reach the Extensions API: {error}")


def _register_extension(address: str) -> None:
    global _extension
    common = f" HTTP/1.1\r\nHost: {address}\r\n"
    head = f"POST {EXTENSION_API}/register{common}Content-Type: {JSON}\r\nContent-Length: {len(NO_EVENTS)}\r\n"
    connection = Connection(address)
    try:
        reply = connection.exchange(f"{head}Lambda-Extension-Name: {EXTENSION_NAME}\r\n\r\n".encode(), NO_EVENTS)
    except SandboxError as error:
        complain(str(error))
        return
    identifier = reply.headers.get(HEADER_EXTENSION_ID, "")
    if reply.status == 200 and identifier:
        next_event = f"GET {EXTENSION_API}/event/next{common}Lambda-Extension-Identifier: {identifier}\r\n\r\n"
        _extension = connection, next_event.encode("latin-1", "replace")
        park_extension()
    else:
        connection.close()
        if reply.status != 404:  # an emulator without extensions, which has its own ways to end us
            complain(f"shutdown hooks may not run: the Extensions API answered {reply.status} to register")


def _install() -> None:
    """Take SIGTERM over, and remember whose it was."""
    global _previous, _process
    current = _signal.getsignal(SIGTERM)
    if current is _on_sigterm:
        return
    try:
        _signal.signal(SIGTERM, _on_sigterm)
    except ValueError:
        message = "on_shutdown() must be called while the function is loaded, or in the main thread"
        raise RuntimeError(message) from None
    _previous, _process = current, os.getpid()
    wake_for_signals()


def _on_sigterm(number: int, frame: "FrameType | None") -> None:
    """Run the hooks; from the first one that has to wait on, the event loop goes on with it."""
    global _shuts_down
    if os.getpid() != _process:  # a child of the function, made by fork
        _pass_on(number, frame)
        return
    if _shuts_down:
        return
    _shuts_down = True
    while _hooks:
        awaitable = _call(_hooks.pop())
        if awaitable is not None:
            from ..event_loop import is_running_here, run_urgently, wait_for

            if is_running_here():
                run_urgently(_finish(awaitable, number, frame))
            else:
                wait_for(_finish(awaitable, number, frame))
            return
    _end(number, frame)


async def _finish(awaitable: "Awaitable[object] | None", number: int, frame: "FrameType | None") -> None:
    try:
        while True:
            if awaitable is not None:
                await _guard(awaitable)
            if not _hooks:
                break
            awaitable = _call(_hooks.pop())
    finally:
        _end(number, frame)


def _call(hook: "Callable[[], object]") -> "Awaitable[object] | None":
    try:
        result = hook()
    except BaseException as error:
        _log(error)
        return None
    return result if hasattr(result, "__await__") else None


async def _guard(awaitable: "Awaitable[object]") -> None:
    try:
        await awaitable
    except BaseException as error:
        _log(error)


def _end(number: int, frame: "FrameType | None") -> None:
    flush_output()
    _pass_on(number, frame)


def _pass_on(number: int, frame: "FrameType | None") -> None:
    """Do what would have come of the signal without us."""
    if callable(_previous):
        _previous(number, frame)
    elif _previous == _signal.SIG_DFL:
        _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(EXIT_BY_SIGNAL + number)  # the first process of a container is spared its own signals


def _log(error: BaseException, request_id: str = "") -> None:
    from ..logs import log_error
    from ..report import ErrorReport

    log_error(ErrorReport.of(error), request_id)
