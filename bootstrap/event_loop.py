"""Event loop: one for the life of the sandbox, so that clients made at import or in one call stay usable in the next.

Strategy: the main thread runs the loop, and the loop is at work whenever the bootstrap waits: for a handler, and for
the next event too, so that signal handlers of the loop act at once and tasks a handler left behind go on (as far as
the platform does not freeze the sandbox; then they go on with the next event). Where several invocations run at once
the same loop works all the time and the threads of the invocations wait for it.

The loop is the one the function made current at import, else one of uvloop where the function has that and no event
loop policy of its own, else one of asyncio.
"""

import os
import sys

from .adapter import CANCEL_MARK, is_async
from .surroundings.library import StandardLibrary
from .surroundings.wakeup import read_signals, signals_fd
from .wire import Connection

with StandardLibrary():
    import asyncio
    import signal
    import threading
    import warnings
    from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any, NoReturn, TypeVar, overload

    from .context import LambdaContext
    from .handler import Handler

    AnyHandler = TypeVar("AnyHandler", bound=Callable[..., object])
    Outcome = tuple[object, "BaseException | None"]

CANCEL_BEFORE_MS = 500

_lock = threading.RLock()  # a signal handler may want the loop, too
_loop: "asyncio.AbstractEventLoop | None" = None
_runner: "int | None" = None  # the thread that runs it
_urgent: "asyncio.Task[object] | None" = None  # the loop does not rest before it is done
_cancel_before: "ContextVar[tuple[LambdaContext, int] | None]" = ContextVar("cancel_before", default=None)


if TYPE_CHECKING:

    @overload
    def cancel_before_deadline(handler: AnyHandler, *, before_ms: int = CANCEL_BEFORE_MS) -> AnyHandler: ...

    @overload
    def cancel_before_deadline(
        handler: None = None, *, before_ms: int = CANCEL_BEFORE_MS
    ) -> Callable[[AnyHandler], AnyHandler]: ...


def cancel_before_deadline(handler: "Any" = None, *, before_ms: int = CANCEL_BEFORE_MS) -> "Any":
    """Mark an async handler: it is cancelled that many milliseconds before its deadline, and reported as TimeoutError.

    It may catch asyncio.CancelledError, clean up, and even return an answer. The function itself is left as it is, so
    tests may call it. Raises TypeError for a plain function, which nothing could cancel.
    """

    def mark(handler: "AnyHandler") -> "AnyHandler":
        if hasattr(handler, "__code__") and not is_async(handler):
            raise TypeError(f"cancel_before_deadline needs an async handler, {handler.__qualname__} is not")
        setattr(handler, CANCEL_MARK, before_ms)
        return handler

    return mark if handler is None else mark(handler)


def limited(handler: "Handler", before_ms: int) -> "Handler":
    """The handler with all it waits for cancelled that many milliseconds before the deadline."""

    def call(event: object, context: "LambdaContext") -> object:
        token = _cancel_before.set((context, before_ms))
        try:
            return handler(event, context)
        finally:
            _cancel_before.reset(token)

    return call


def prepare() -> asyncio.AbstractEventLoop:
    """Find or make the loop, unless that was done."""
    global _loop, _runner
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = _loop_of_function() or _new_loop()
            if threading.current_thread() is threading.main_thread():
                _runner = threading.get_ident()
                asyncio.set_event_loop(_loop)
                _wake_for_signals(_loop)
                Connection.wait_for_reply = staticmethod(_work_until_readable)
            else:  # the first thread of several to need it; the main thread waits elsewhere
                thread = threading.Thread(target=_loop.run_forever, name="event loop", daemon=True)
                thread.start()
                _runner = thread.ident
    return _loop


def wait_for(awaitable: "Awaitable[object]") -> object:
    """Run an awaitable to its end on the loop and return its result, or raise what it raised."""
    loop = prepare()
    work = _settle(awaitable, _cancel_before.get())
    if threading.get_ident() == _runner:
        result, error = _run(loop, work)
    else:
        result, error = asyncio.run_coroutine_threadsafe(work, loop).result()
    try:
        if error is not None:
            raise error
        return result
    finally:
        del error  # it refers to this frame


def is_running_here() -> bool:
    """Whether this thread runs a loop, ours or one the function runs itself."""
    if asyncio._get_running_loop() is not None:
        return True
    # A signal can come between the two steps by which a loop begins to run.
    return _loop is not None and _loop.is_running() and threading.get_ident() == _runner


def running_tasks() -> "list[asyncio.Task[Any]]":
    """The tasks on the loop; for any thread."""
    return list(asyncio.all_tasks(_loop)) if _loop is not None else []


def run_urgently(work: "Coroutine[Any, Any, object]") -> None:
    """Start work from a signal handler on the loop that is running in this thread; the loop stays at it until the end."""
    global _urgent
    loop = asyncio._get_running_loop() or prepare()
    _urgent = loop.create_task(work)
    loop.call_soon_threadsafe(_nothing)  # it may be asleep: a signal alone does not wake a loop the function runs


def _nothing() -> None:
    pass


def make_lock() -> asyncio.Lock:
    """A lock for tasks."""
    return asyncio.Lock()


async def wait_until_ready(fd: int) -> None:
    """Wait until a descriptor takes data or has some."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(fd, wake)
    loop.add_reader(fd, wake)
    try:
        await ready
    finally:
        loop.remove_writer(fd)
        loop.remove_reader(fd)


def serve(start: "Callable[[Callable[[BaseException], None]], None]") -> "NoReturn":
    """Keep the loop at work until it is over, and raise what ended it.

    `start` is called first, with a function for any thread that ends this with an exception.
    """
    loop = prepare()
    errors: list[BaseException] = []

    def end(error: BaseException) -> None:
        errors.append(error)
        loop.call_soon_threadsafe(loop.stop)

    start(end)
    while not errors:  # the function may stop the loop, too
        loop.run_forever()
    raise errors[0]


async def _settle(awaitable: "Awaitable[object]", cancel_before: "tuple[LambdaContext, int] | None") -> "Outcome":
    """Result or error as values: a SystemExit raised within a task would end the loop as well."""
    try:
        if cancel_before is None:
            return await awaitable, None
        return await _cancel_in_time(awaitable, *cancel_before), None
    except BaseException as error:
        return None, error


async def _cancel_in_time(awaitable: "Awaitable[object]", context: "LambdaContext", before_ms: int) -> object:
    task = asyncio.current_task()
    too_late = False

    def cancel() -> None:
        nonlocal too_late
        too_late = True
        task.cancel()  # type: ignore[union-attr]

    left_s = (context.get_remaining_time_in_millis() - before_ms) / 1000
    timer = asyncio.get_running_loop().call_later(left_s, cancel)
    try:
        return await awaitable
    except asyncio.CancelledError as error:
        if not too_late:
            raise
        message = f"the handler was cancelled {before_ms} ms before its deadline"
        raise TimeoutError(message).with_traceback(error.__traceback__) from None
    finally:
        timer.cancel()


def _run(loop: asyncio.AbstractEventLoop, work: "Coroutine[Any, Any, Outcome]") -> "Outcome":
    task = loop.create_task(work)
    try:
        return loop.run_until_complete(task)
    except BaseException:  # an interrupt, or the end of the process called for in the background
        if not task.done():
            task.cancel()
            loop.run_until_complete(task)
        raise
    finally:
        _finish_urgent(loop)


def _work_until_readable(fd: int) -> None:
    loop = _loop
    if loop is None or loop.is_closed() or loop.is_running() or threading.get_ident() != _runner:
        return
    readable = False

    def stop() -> None:
        nonlocal readable
        if not readable:  # uvloop calls it again before it stops, and would stop the next run as well
            readable = True
            loop.stop()

    try:
        loop.add_reader(fd, stop)
    except OSError:  # the function has closed it, as whoever reads will find
        return
    try:
        while not readable:  # the function may stop the loop, too
            loop.run_forever()
    finally:
        loop.remove_reader(fd)
        os.set_blocking(fd, True)  # uvloop makes it non-blocking
    _finish_urgent(loop)


def _finish_urgent(loop: asyncio.AbstractEventLoop) -> None:
    if _urgent is not None and not _urgent.done() and _urgent.get_loop() is loop:
        loop.run_until_complete(_urgent)


def _loop_of_function() -> "asyncio.AbstractEventLoop | None":
    """The loop that was made current; asking for it must not make one, as it does up to Python 3.13."""
    with StandardLibrary(), warnings.catch_warnings():
        if sys.version_info >= (3, 12):
            warnings.simplefilter("error")
            return _ask_for_loop()
        warnings.simplefilter("ignore")
        policy = asyncio.get_event_loop_policy()
        policy.new_event_loop = _refuse  # type: ignore[method-assign]
        try:
            return _ask_for_loop()
        finally:
            del policy.new_event_loop


def _ask_for_loop() -> "asyncio.AbstractEventLoop | None":
    try:
        loop = asyncio.get_event_loop()
    except (RuntimeError, DeprecationWarning):
        return None
    return None if loop.is_closed() else loop


def _refuse() -> "NoReturn":
    raise RuntimeError("no event loop was made")


def _new_loop() -> asyncio.AbstractEventLoop:
    if not _has_own_policy():
        try:
            import uvloop

            return uvloop.new_event_loop()
        except Exception:  # not there, or not for this interpreter
            pass
    return asyncio.new_event_loop()


def _has_own_policy() -> bool:
    with StandardLibrary(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # policies are on their way out
        return type(asyncio.get_event_loop_policy()) is not asyncio.DefaultEventLoopPolicy


def _wake_for_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Let a signal end the loop's wait, at the very moment it begins as well; else its handler ran at the next event."""
    if (heard := signals_fd()) is not None:
        loop.add_reader(heard, _repeat_signals, loop, heard)


def _repeat_signals(loop: asyncio.AbstractEventLoop, heard: int) -> None:
    """Send those signals again that uvloop has handlers for: it only listens while it runs."""
    numbers = read_signals(heard)
    if not numbers:
        loop.remove_reader(heard)
    for number in set(numbers):
        if getattr(signal.getsignal(number), "__self__", None) is loop:
            signal.raise_signal(number)
