"""Entries: what goes into a zip, as values; and those of a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from layers.errors import SourceRefused

FILE, PROGRAM, LINK = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777
# What was done, of how much: a name for the step, and both counts.
Progress = Callable[[str, int, int], None]


class Entry(msgspec.Struct, frozen=True):
    """A file, or a link with its target as content. `path` is relative to the folder the zip is unpacked to."""

    path: str
    content: bytes
    mode: int = FILE

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


def no_progress(_step: str, _done: int, _total: int) -> None:
    """For callers that watch nothing."""


def entries_of(folder: Path, leaves_out: Callable[[Path], bool] = lambda _path: False) -> Iterator[Entry]:
    """The files and links in a folder and below, sorted, without those `leaves_out` says; raises SourceRefused."""
    for path in _walk(folder, leaves_out):
        yield entry_of(path, str(path.relative_to(folder)), folder)


def sizes_of(folder: Path, leaves_out: Callable[[Path], bool] = lambda _path: False) -> dict[str, int]:
    """How many bytes each of the same files has, without reading any; raises SourceRefused."""
    return {str(path.relative_to(folder)): _size_bytes(path) for path in _walk(folder, leaves_out)}


def _size_bytes(path: Path) -> int:
    try:
        status = path.lstat()
    except OSError as error:
        raise SourceRefused(f"{path} cannot be read: {error.strerror}") from None
    # A link is written anew, and its length is next to nothing.
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def entry_of(source: Path, path: str, root: Path) -> Entry:
    """A file of this machine as entry, readable by all; a link within `root` stays one; raises SourceRefused."""
    try:
        if source.is_symlink():
            return Entry(path, os.fsencode(_target_within(source, root)), LINK)
        if not source.is_file():
            raise SourceRefused(f"{source} is neither file nor folder: leave it out of {root}")
        return Entry(path, source.read_bytes(), PROGRAM if source.stat().st_mode & 0o111 else FILE)
    except OSError as error:
        raise SourceRefused(f"{source} cannot be read: {error.strerror}") from None


def _target_within(link: Path, root: Path) -> str:
    """Where a link leads, relative to its folder, so that it holds wherever the tree is unpacked."""
    inside, target = Path(os.path.realpath(root)), Path(os.path.realpath(link))
    if not target.is_relative_to(inside):
        raise SourceRefused(f"{link} is a symbolic link that leads out of {root}, to {target}: put a copy in its place")
    return os.path.relpath(target, os.path.realpath(link.parent))


def _walk(folder: Path, leaves_out: Callable[[Path], bool]) -> Iterator[Path]:
    try:
        found = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise SourceRefused(f"{folder} cannot be read: {error.strerror}") from None
    for item in found:
        path = Path(item.path)
        if leaves_out(path):
            continue
        if item.is_dir(follow_symlinks=False):
            yield from _walk(path, leaves_out)
        else:
            yield path
