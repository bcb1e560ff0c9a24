"""Wake-up: a signal that comes at the very moment a wait for an event begins ends that wait, too.

Python notes a signal and calls its handler at the next step of the program. A `recv` that begins between the two waits on, and the
handler with it, for an event that may be hours away. So whoever waits in the main thread does so for a pipe as well, into which the
interpreter writes at each signal: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
"""

import os
from _thread import get_ident

from ..wire import Connection
from .library import StandardLibrary

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal  # what `signal` wraps, without the import of `enum`

_NOBODY = -1
_heard: "int | None" = None
_told = _NOBODY
_pipe = (0, 0)


def signals_fd() -> "int | None":
    """Where read_signals() has something to read once a signal came; None where the function, or its loop, has that for itself.

    For the main thread: raises ValueError in another one.
    """
    global _heard, _told, _pipe
    if _heard is None:
        if (taken := _signal.set_wakeup_fd(_NOBODY)) != _NOBODY:
            _signal.set_wakeup_fd(taken)
            return None
        _heard, _told = os.pipe()
        os.set_blocking(_heard, False)
        os.set_blocking(_told, False)
        _pipe = _identity(_heard)
        _signal.set_wakeup_fd(_told, warn_on_full_buffer=False)
    return _heard


def read_signals(heard: int) -> bytes:
    """The numbers of the signals that came; none where the function has closed the pipe, and something else may be there now."""
    try:
        numbers = os.read(heard, 4096) if _identity(heard) == _pipe else b""
    except OSError:
        numbers = b""
    if not numbers:
        _forget()
    return numbers


def wake_for_signals() -> None:
    """Have the main thread's wait for an event end at a signal, unless somebody has seen to that. For the main thread."""
    if Connection.wait_for_reply is not None or signals_fd() is None:
        return
    with StandardLibrary():
        from select import POLLIN, poll
    main_thread = get_ident()

    def wait(fd: int) -> None:
        # Handlers run in the main thread only, whoever is woken.
        heard = signals_fd() if get_ident() == main_thread else None
        if heard is None:
            return
        ready = poll()
        ready.register(fd, POLLIN)
        ready.register(heard, POLLIN)
        while fd not in [one for one, _ in ready.poll()]:
            if not read_signals(heard):
                return

    Connection.wait_for_reply = staticmethod(wait)


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def _forget() -> None:
    global _heard
    _heard = None
    if (taken := _signal.set_wakeup_fd(_NOBODY)) != _told:
        _signal.set_wakeup_fd(taken)


# A process the function forked, or a worker, must not hear its parent's signals, nor its parent those it gets.
os.register_at_fork(after_in_child=_forget)
