from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from runtime_api.sandbox.memory import PeakMemory

HOLD_60_MB = "held = bytearray(60 * 1024 * 1024); held[::4096] = bytes(len(held[::4096])); "
SAY_AND_WAIT = "print('ready', flush=True); input()"
IN_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', sys.argv[1]])"


class Measured:
    """A process and its peak."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        self.memory = PeakMemory(self.process.pid)

    def end(self) -> None:
        """Have it exit, unless it has."""
        if self.process.returncode is None:
            self.process.communicate(b"\n")


@pytest.fixture
def started() -> Iterator[list[Measured]]:
    """Processes to end after the test."""
    started: list[Measured] = []
    yield started
    for measured in started:
        measured.end()
        measured.memory.close()


def test_what_a_process_uses(started: list[Measured]) -> None:
    """60 MB held are seen; a process that holds nothing is far below."""
    started += [Measured(HOLD_60_MB + SAY_AND_WAIT), Measured(SAY_AND_WAIT)]
    full, empty = (measured.memory.peak_mb() for measured in started)
    assert 60 < full < 120
    assert 1 < empty < 55


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a high-water mark")
def test_a_peak_between_two_looks_counts(started: list[Measured]) -> None:
    """What was freed before anybody looked was used."""
    started.append(Measured(HOLD_60_MB + "del held; " + SAY_AND_WAIT))
    assert started[0].memory.peak_mb() > 60


def test_what_is_used_after_a_look_counts(started: list[Measured]) -> None:
    """A look that found little does not stand in the way of the next."""
    started.append(Measured(SAY_AND_WAIT + "; " + HOLD_60_MB + SAY_AND_WAIT))
    memory, process = started[0].memory, started[0].process
    assert process.stdin is not None
    assert process.stdout is not None
    assert memory.peak_mb() == memory.peak_mb() < 55
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"ready\n"
    assert memory.peak_mb() > 60


def test_children_count(started: list[Measured]) -> None:
    """A process that lets a child do the work uses what the child uses."""
    started.append(Measured(IN_A_CHILD, HOLD_60_MB + SAY_AND_WAIT))
    assert started[0].memory.peak_mb() > 60


def test_the_peak_outlives_the_process(started: list[Measured]) -> None:
    """The last known peak is kept when the process is gone."""
    started.append(Measured(HOLD_60_MB + SAY_AND_WAIT))
    before = started[0].memory.peak_mb()
    started[0].end()
    assert started[0].memory.peak_mb() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process rename itself so")
def test_a_process_cannot_name_its_way_into_the_figure(started: list[Measured]) -> None:
    """A process whose own name looks like the line that is read is measured like any other."""
    rename = "open('/proc/self/comm', 'w').write('VmHWM: x'); "
    started.append(Measured(rename + SAY_AND_WAIT))
    assert 1 < started[0].memory.peak_mb() < 55


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all children are found by one call")
def test_children_of_other_threads_count(started: list[Measured]) -> None:
    """A child belongs to the thread that started it, and counts whichever that is."""
    in_a_thread = f"import threading; threading.Thread(target=lambda: exec({IN_A_CHILD!r})).start()"
    started.append(Measured(in_a_thread, HOLD_60_MB + SAY_AND_WAIT))
    assert started[0].memory.peak_mb() > 60
