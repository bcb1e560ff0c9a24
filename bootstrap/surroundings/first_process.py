"""First process of a container: no signal ends one that has no handler for it, so SIGTERM is given one.

On Lambda the platform's own process is the first. In an image that starts the runtime by itself it is the runtime, and an engine
that stops the container would wait for nothing, and kill it in the end: https://docs.docker.com/reference/cli/docker/container/stop/
"""

import os

from .wakeup import wake_for_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from types import FrameType
else:
    import _signal  # what `signal` wraps, without the import of `enum`

EXIT_BY_SIGNAL = 128


def heed_sigterm() -> None:
    """Have SIGTERM do what it does to any other process."""
    _signal.signal(_signal.SIGTERM, _end)
    wake_for_signals()


def _end(number: int, _frame: "FrameType | None") -> None:
    if os.getpid() == 1:
        os._exit(EXIT_BY_SIGNAL + number)
    _signal.signal(number, _signal.SIG_DFL)  # a child of the function, made by fork
    os.kill(os.getpid(), number)
