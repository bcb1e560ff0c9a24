"""The folder events are kept in, the lock by which one server at a time has it, and the word to others before there is either.

The lock is the kernel's: it ends with the process that has it, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import sys

from runtime_api.dispatch.events.store import StoreUnusable

DATABASE = "events.db"
_LOCK = "lock"


class Announcement:
    """Says to other servers that events may come to be kept in a folder, which may not be there yet; `is_first` when none had said so.

    The kernel holds the name, and gives it up with the process. Only Linux has such names; elsewhere everybody is the first.
    """

    def __init__(self, path: str) -> None:
        self.is_first = True
        self._socket = socket.socket(socket.AF_UNIX)
        if sys.platform == "linux":
            digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()
            try:
                self._socket.bind(f"\0pilotlight-{os.getuid()}-{digest}")
            except OSError:
                self.is_first = False

    def close(self) -> None:
        """Take it back."""
        self._socket.close()


class DataFolder:
    """A folder that is ours until `release`. What is made in it, and the folder itself, nobody else can read: events may hold secrets."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def database(self) -> str:
        """The path of the database."""
        return os.path.join(self.path, DATABASE)

    @property
    def _beside(self) -> tuple[str, ...]:
        return tuple(f"{self.database}-{suffix}" for suffix in ("wal", "shm"))

    def claim(self) -> None:
        """Make it ours; raises StoreUnusable when it cannot be used, or another server has it."""
        try:
            _make_folder(self.path)
            self._lock = _open_private(os.path.join(self.path, _LOCK))
            self._take_lock(self._lock)
            # SQLite gives its other files the mode this one has. To close it ends locks of a server in this process: so not before ours.
            for path in (self.database, *filter(os.path.exists, self._beside)):
                os.close(_open_private(path))
        except OSError as error:
            self.release()
            raise StoreUnusable(
                f"events cannot be kept in {self.path}: {error.strerror}; name another folder (--data-dir)"
            ) from None

    def _take_lock(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise StoreUnusable(
                f"the events in {self.path} belong to another server that is running: stop that one, "
                "or give this one a folder of its own (--data-dir)"
            ) from None

    def release(self) -> None:
        """Leave it to others."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _open_private(path: str) -> int:
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # One that was there: only its owner may say so.
    with contextlib.suppress(PermissionError):
        os.fchmod(opened, 0o600)
    return opened


def _make_folder(path: str) -> None:
    if os.path.isdir(path):
        return
    os.makedirs(path, mode=0o700, exist_ok=True)
    with open(os.path.join(path, ".gitignore"), "w") as ignored:
        ignored.write("*\n")
    # Its name has to be on disk, too, before an event in it counts as accepted.
    with contextlib.suppress(OSError):
        parent = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
