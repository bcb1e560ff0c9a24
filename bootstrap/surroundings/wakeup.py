"""Wake-up: a signal that comes at the very moment a wait for an event begins ends that wait, too.

Python notes a signal and calls its handler at the next step of the program. A `recv` that begins between the two waits on, and the
handler with it, for an event that may be hours away. So whoever waits does so for a pipe as well, into which the interpreter writes at
each signal: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
"""

import os

from ..wire import Connection
from .library import StandardLibrary

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal  # what `signal` wraps, without the import of `enum`

_NOBODY = -1
_heard: "int | None" = None


def signals_fd() -> "int | None":
    """Where the number of each signal can be read, without waiting; None where the function, or its loop, has that for itself.

    For the main thread: raises ValueError in another one.
    """
    global _heard
    if _heard is None:
        if (taken := _signal.set_wakeup_fd(_NOBODY)) != _NOBODY:
            _signal.set_wakeup_fd(taken)
            return None
        _heard, told = os.pipe()
        os.set_blocking(_heard, False)
        os.set_blocking(told, False)
        _signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    return _heard


def wake_for_signals() -> None:
    """Have the wait for an event end at a signal, unless somebody has seen to that. For the main thread."""
    if Connection.wait_for_reply is not None or (heard := signals_fd()) is None:
        return
    with StandardLibrary():
        from select import POLLIN, poll

    def wait(fd: int) -> None:
        ready = poll()
        ready.register(fd, POLLIN)
        ready.register(heard, POLLIN)
        try:
            while fd not in [one for one, _ in ready.poll()]:
                os.read(heard, 4096)
        except OSError:
            return  # the function has closed it, or another thread has read it

    Connection.wait_for_reply = staticmethod(wait)
