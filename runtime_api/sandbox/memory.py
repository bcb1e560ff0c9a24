"""How much memory a sandbox has used at most, as the kernel counts it.

On Linux the high-water mark of each process (`VmHWM`) is read from /proc, so a peak between two looks is not missed. Elsewhere
the present size is all there is.
"""

from __future__ import annotations

import os
import sys

import psutil


class PeakMemory:
    """The peak of a process and of the children it has at the moment of a look, in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_bytes = 0
        self._look = self._look_proc if sys.platform == "linux" else self._look_psutil

    def peak_mb(self) -> int:
        """The peak so far, rounded up to whole MB as a REPORT line has it; the last known one once the process is gone."""
        self._peak_bytes = max(self._peak_bytes, self._look())
        return -(-self._peak_bytes // (1024 * 1024))

    def _look_proc(self) -> int:
        return sum(_high_water_bytes(pid) for pid in _family(self._pid))

    def _look_psutil(self) -> int:
        try:
            process = psutil.Process(self._pid)
            family = [process, *process.children(recursive=True)]
            return sum(member.memory_info().rss for member in family)
        except psutil.Error:
            return 0


def _high_water_bytes(pid: int) -> int:
    status = _read(f"/proc/{pid}/status")
    _, found, rest = status.partition(b"VmHWM:")
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else 0


def _family(pid: int) -> list[int]:
    family = [pid]
    for member in family:
        family += [int(child) for child in _read(f"/proc/{member}/task/{member}/children").split()]
    return family


def _read(path: str) -> bytes:
    # os-level calls: this is asked once an invocation, and Python's file objects cost three times the kernel's work.
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, 8192)
    except OSError:
        return b""
    finally:
        os.close(fd)
