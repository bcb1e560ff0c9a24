"""A file that gets one JSON line for each record.

Strategy: a line goes out in one write and is on disk before the event counts as delivered. A write can still be cut short: by a full
disk, and then it is taken back; by the end of the process, and then the next one finds a last line without its end. That record never
counted as delivered, it will come again, so its beginning is removed. What does not begin like a record is somebody else's, and stays.
A lock keeps several writers, and several platforms, apart.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from runtime_api.protocol.destinations.record import RECORD_BEGINNING

_LOOK_BACK_BYTES = 65_536
_MODE = 0o644


def check_file(path: str) -> None:
    """See that the file can be written, or made; raises OSError."""
    folder = _folder_of(path)
    if os.path.exists(path):
        with _opened(path):
            pass
    elif not os.path.isdir(folder):
        raise OSError(errno.ENOENT, "its folder is missing: make it first", folder)
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, "its folder cannot be written to", folder)


def append_record(path: str, record: bytes) -> None:
    """Add a record to the file, made when it is missing; blocks until it is on disk. Raises OSError, and then the file is as it was."""
    with _opened(path) as fd:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_size == 0:
            _sync_name(path)
        _append_line(fd, _one_line(record))


@contextmanager
def _opened(path: str) -> Iterator[int]:
    # A pipe nobody reads must not hold us: without O_NONBLOCK, to open it is to wait.
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, _MODE)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", path)
        yield fd
    finally:
        os.close(fd)


def _folder_of(path: str) -> str:
    return os.path.dirname(path) or "."


def _sync_name(path: str) -> None:
    """Have the file's name on disk, too."""
    folder = os.open(_folder_of(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _one_line(record: bytes) -> bytes:
    # Inside of strings JSON has no line ends, outside they are white space.
    return record.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def _append_line(fd: int, line: bytes) -> None:
    size_bytes = os.fstat(fd).st_size
    rest = _unfinished_line(fd, size_bytes)
    if rest and RECORD_BEGINNING.startswith(rest[: len(RECORD_BEGINNING)]):
        size_bytes -= len(rest)
        os.ftruncate(fd, size_bytes)
    elif rest:
        line = b"\n" + line
    try:
        if os.write(fd, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, size_bytes)
        raise


def _unfinished_line(fd: int, end: int) -> bytes:
    """What follows the last line feed before `end`."""
    rest = b""
    while end > 0 and b"\n" not in rest:
        start = max(0, end - _LOOK_BACK_BYTES)
        rest = os.pread(fd, end - start, start) + rest
        end = start
    return rest[rest.rfind(b"\n") + 1 :]
