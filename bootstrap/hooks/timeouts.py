"""Timeouts: a look at what the function is busy with, a moment before the platform ends it.

One thread watches the deadlines of all invocations; it is started when the first event comes, if anybody asked for
it. It goes by the wall clock, as deadlines do, so a sandbox that was frozen makes no difference.
"""

import sys
import time

from .. import current, logs
from ..adapter import is_async
from ..surroundings.library import StandardLibrary

with StandardLibrary():
    import threading
    import traceback

ROOT = __name__.partition(".")[0]  # the name the package goes by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import Any, TypeVar, overload

    from ..context import LambdaContext
    from ..handler import Handler

    Hook = TypeVar("Hook", bound=Callable[[LambdaContext], object])

BEFORE_MS = 500
WAIT_S_MAX = 3600.0
WARNING = 30  # of `logging`, without the import


class Watch:
    """One request to be called that long before each deadline."""

    def __init__(self, before_ms: int, func: "Callable[[LambdaContext], object] | None") -> None:
        self.before_ms = before_ms
        self.func = func


_watches: list[Watch] = []


if TYPE_CHECKING:

    @overload
    def on_timeout(func: Hook, *, before_ms: int = BEFORE_MS) -> Hook: ...

    @overload
    def on_timeout(func: None = None, *, before_ms: int = BEFORE_MS) -> Callable[[Hook], Hook]: ...


def on_timeout(func: "Any" = None, *, before_ms: int = BEFORE_MS) -> "Any":
    """Log the stacks of all threads and asyncio tasks that many milliseconds before a deadline, then call a function.

    With a function it is a decorator, with `before_ms` one that takes arguments; `on_timeout()` alone logs stacks. The
    function gets the context object, in a thread of its own while the handler goes on; it cannot be async. Nothing
    happens when the invocation ends earlier. Call it while the function is loaded.
    """
    watch = Watch(before_ms, None)
    _watches.append(watch)

    def call(func: "Hook") -> "Hook":
        if is_async(func):
            raise TypeError("on_timeout() needs a function that is not async: the event loop may be what hangs")
        watch.func = func
        return func

    return call if func is None else call(func)


def watched(handler: "Handler") -> "Handler":
    """The handler under watch while it works."""
    watcher = Watcher()

    def call(event: object, context: "LambdaContext") -> object:
        watcher.arm(context)
        try:
            return handler(event, context)
        finally:
            watcher.disarm(context)

    return call


class Watcher:
    """The thread that watches, and the alarms it waits for: when, for whom, what."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._alarms: list[tuple[int, LambdaContext, Watch]] = []
        self._thread: threading.Thread | None = None

    def arm(self, context: "LambdaContext") -> None:
        """Set an alarm for each watch."""
        deadline_ms = context._epoch_deadline_time_in_ms
        with self._changed:
            self._alarms += [(deadline_ms - watch.before_ms, context, watch) for watch in _watches]
            self._alarms.sort(key=lambda alarm: alarm[0])
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="deadlines", daemon=True)
                self._thread.start()

    def disarm(self, context: "LambdaContext") -> None:
        """Forget an invocation's alarms."""
        with self._changed:
            self._alarms[:] = [alarm for alarm in self._alarms if alarm[1] is not context]

    def _work(self) -> None:
        reported: LambdaContext | None = None
        while True:
            context, watch = self._wait()
            if current.runs_several():
                current.enter(context)
            if context is not reported:
                logs.write(describe(watch.before_ms, context), WARNING)
                reported = context
            if watch.func is not None:
                _call(watch.func, context)
            logs.flush_output()

    def _wait(self) -> "tuple[LambdaContext, Watch]":
        with self._changed:
            while True:
                now_ms = int(time.time() * 1000)
                if self._alarms and self._alarms[0][0] <= now_ms:
                    return self._alarms.pop(0)[1:]
                wait_s = (self._alarms[0][0] - now_ms) / 1000 if self._alarms else None
                self._changed.wait(None if wait_s is None else min(wait_s, WAIT_S_MAX))


def _call(func: "Callable[[LambdaContext], object]", context: "LambdaContext") -> None:
    try:
        func(context)
    except BaseException as error:
        from ..report import ErrorReport

        logs.log_error(ErrorReport.of(error), context.aws_request_id)


def describe(before_ms: int, context: "LambdaContext") -> str:
    """The stacks as one log event."""
    lines = [f"{before_ms} ms before the deadline of {context.aws_request_id}:"]
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            lines += [f"Thread {names.get(ident, ident)}:", *_stack(reversed(list(traceback.walk_stack(frame))))]
    for task in _tasks():
        frames = _frames_of(task.get_coro())
        lines += [f"Task {task.get_name()}:", *_stack((frame, frame.f_lineno) for frame in frames)]
    return "\n".join(lines) + "\n"


def _tasks() -> "list[Any]":
    event_loop = sys.modules.get(f"{ROOT}.event_loop")
    return event_loop.running_tasks() if event_loop is not None else []


def _frames_of(awaited: object) -> "Iterator[FrameType]":
    """The frames of a coroutine and of those it waits for, one after the other."""
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        yield frame
        awaited = getattr(awaited, "cr_await", None)


def _stack(frames: "Iterable[tuple[FrameType, int]]") -> "list[str]":
    summary = traceback.StackSummary.extract((frame, line) for frame, line in frames if not _is_ours(frame))
    return [line for entry in summary.format() for line in entry.splitlines()]


def _is_ours(frame: "FrameType") -> bool:
    """By identity, not by name alone: the function may have modules called like ours."""
    name = str(frame.f_globals.get("__name__"))
    is_named_so = name == "__main__" or name.startswith(f"{ROOT}.")
    return is_named_so and vars(sys.modules.get(name, sys)) is frame.f_globals
