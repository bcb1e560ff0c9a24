"""How a process's end is worded in a `Runtime.ExitError`.

The service prints Go's names of signals, so they are spelled out here rather than taken from the C library. Go has names for these
only; the others are numbers.
"""

from __future__ import annotations

from signal import Signals

_SIGNALS: dict[int, str] = {
    Signals.SIGHUP: "hangup",
    Signals.SIGINT: "interrupt",
    Signals.SIGQUIT: "quit",
    Signals.SIGILL: "illegal instruction",
    Signals.SIGTRAP: "trace/breakpoint trap",
    Signals.SIGABRT: "aborted",
    Signals.SIGBUS: "bus error",
    Signals.SIGFPE: "floating point exception",
    Signals.SIGKILL: "killed",
    Signals.SIGUSR1: "user defined signal 1",
    Signals.SIGSEGV: "segmentation fault",
    Signals.SIGUSR2: "user defined signal 2",
    Signals.SIGPIPE: "broken pipe",
    Signals.SIGALRM: "alarm clock",
    Signals.SIGTERM: "terminated",
}


def exit_reason(returncode: int) -> str:
    """The sentence for a `returncode` as `subprocess` gives it: negative for a signal."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    return f"Runtime exited with error: {_status(returncode)}"


def extension_exit_reason(returncode: int) -> str:
    """The words for an extension that ended by itself."""
    return "exit code 0" if returncode == 0 else _status(returncode)


def _status(returncode: int) -> str:
    if returncode > 0:
        return f"exit status {returncode}"
    return f"signal: {_SIGNALS.get(-returncode, f'signal {-returncode}')}"
