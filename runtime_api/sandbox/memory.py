"""How much memory a sandbox has used at most, as the kernel counts it.

On Linux the high-water mark of each process (`VmHWM`) is read from /proc, so a peak between two looks is not missed. To learn it is
dear, to learn whether it can have moved is not: memory grows by page faults only. Elsewhere the present size is all there is.
"""

from __future__ import annotations

import os
import sys

import psutil


class PeakMemory:
    """The peak of a process and of the children it has at the moment of a look, in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_bytes = self._own_bytes = 0
        self._faults = b""
        # Kept open: it is asked once an invocation, and half the price of a look is the opening.
        self._stat = _open(f"/proc/{pid}/stat")
        self._status = _open(f"/proc/{pid}/status")
        self._children = _open(f"/proc/{pid}/task/{pid}/children")

    def peak_mb(self) -> int:
        """The peak so far, rounded up to whole MB as a REPORT line has it; the last known one once the process is gone."""
        look = self._look_proc if sys.platform == "linux" else self._look_psutil
        self._peak_bytes = max(self._peak_bytes, look())
        return -(-self._peak_bytes // (1024 * 1024))

    def close(self) -> None:
        """Give the descriptors back; the peak stays known."""
        for fd in (self._stat, self._status, self._children):
            if fd >= 0:
                os.close(fd)
        self._stat = self._status = self._children = -1

    def _look_proc(self) -> int:
        faults, threads = _faults_and_threads(_read(self._stat))
        children = _read(self._children) if threads == b"1" else _children_of_all_threads(self._pid)
        if faults != self._faults:
            self._faults, self._own_bytes = faults, _high_water_bytes(_read(self._status))
        return self._own_bytes + sum(_with_children(int(child)) for child in children.split())

    def _look_psutil(self) -> int:
        try:
            process = psutil.Process(self._pid)
            family = [process, *process.children(recursive=True)]
            return sum(member.memory_info().rss for member in family)
        except psutil.Error:
            return 0


def _with_children(pid: int) -> int:
    memory = PeakMemory(pid)
    try:
        return memory._look_proc()
    finally:
        memory.close()


def _children_of_all_threads(pid: int) -> bytes:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return b""
    return b" ".join(_read_once(f"/proc/{pid}/task/{thread}/children") for thread in threads)


def _faults_and_threads(stat: bytes) -> tuple[bytes, bytes]:
    # Behind the name, which a process chooses itself. Without a line it is gone, and has neither.
    fields = stat.rpartition(b") ")[2].split(b" ", 18)
    return (fields[7] + b" " + fields[9], fields[17]) if len(fields) > 17 else (b"", b"")


def _read_once(path: str) -> bytes:
    fd = _open(path)
    try:
        return _read(fd)
    finally:
        if fd >= 0:
            os.close(fd)


def _high_water_bytes(status: bytes) -> int:
    # From the start of a line: a process chooses its own name, which stands here too.
    _, found, rest = status.partition(b"\nVmHWM:")
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else 0


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return -1


def _read(fd: int) -> bytes:
    try:
        return os.pread(fd, 8192, 0)
    except OSError:
        # never opened, or of a process that is gone
        return b""
