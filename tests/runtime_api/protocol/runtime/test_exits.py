from __future__ import annotations

from signal import Signals

import pytest

from runtime_api.protocol.runtime.exits import exit_reason

# Numbers as Linux has them; the words are Go's.
WORDS = {
    "SIGHUP": "hangup",
    "SIGINT": "interrupt",
    "SIGQUIT": "quit",
    "SIGILL": "illegal instruction",
    "SIGTRAP": "trace/breakpoint trap",
    "SIGABRT": "aborted",
    "SIGBUS": "bus error",
    "SIGFPE": "floating point exception",
    "SIGKILL": "killed",
    "SIGUSR1": "user defined signal 1",
    "SIGSEGV": "segmentation fault",
    "SIGUSR2": "user defined signal 2",
    "SIGPIPE": "broken pipe",
    "SIGALRM": "alarm clock",
    "SIGTERM": "terminated",
}


def test_zero_gives_no_reason() -> None:
    """An exit status of zero is an end without a word."""
    assert exit_reason(0) == "Runtime exited without providing a reason"


@pytest.mark.parametrize("status", [1, 3, 64, 127, 255])
def test_a_status_is_named(status: int) -> None:
    """Any other status is given as a number."""
    assert exit_reason(status) == f"Runtime exited with error: exit status {status}"


@pytest.mark.parametrize("signal", list(Signals), ids=lambda signal: signal.name)
def test_every_signal_has_its_word(signal: Signals) -> None:
    """A signal has Go's word for it, or its number where Go has none."""
    word = WORDS.get(signal.name, f"signal {signal.value}")
    assert exit_reason(-signal) == f"Runtime exited with error: signal: {word}"


def test_a_real_time_signal_is_a_number() -> None:
    """Signals without a name of their own are numbers."""
    assert exit_reason(-40) == "Runtime exited with error: signal: signal 40"
