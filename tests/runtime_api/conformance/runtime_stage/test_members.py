"""What the suite has started is ended, and the suite is afterwards what it was before."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import psutil
import pytest

from runtime_api.conformance.runtime_stage.members import no_orphans

PARENT = """
import os, time
if os.fork() == 0:
    print(os.getpid(), flush=True)
time.sleep(600)
"""


def test_what_is_left_is_ended_and_waited_for() -> None:
    """A child and what it started: neither is there any more, not even as a zombie."""
    with no_orphans():
        parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
    left = [pid for pid in (parent.pid, child) if psutil.pid_exists(pid)]
    parent.communicate()
    assert left == []


def test_a_child_from_before_is_let_live() -> None:
    """It is somebody else's business."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
        with no_orphans():
            pass
        assert other.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
@pytest.mark.parametrize("before", [True, False])
def test_orphans_are_taken_in_only_meanwhile(before: bool) -> None:
    """Afterwards they are whose they would have been."""
    prctl, seen = ctypes.CDLL(None).prctl, ctypes.c_int()
    prctl(36, int(before), 0, 0, 0)
    with no_orphans():
        prctl(37, ctypes.byref(seen), 0, 0, 0)
        assert seen.value == 1
    prctl(37, ctypes.byref(seen), 0, 0, 0)
    prctl(36, 0, 0, 0, 0)
    assert seen.value == before
