"""Layers: zips and folders, merged in order into one folder that stands for /opt.

Strategy: everything is written into a folder of our own, entry by entry, by the rules in `protocol.function.layer`. Later layers overwrite
files and links of earlier ones and add to their folders. Sizes are counted as bytes arrive, never believed; parents are resolved before
each write and links once more at the end, so no combination of links leads out. A merged folder is kept for as long as its sources look the
same from outside (path, size, time of change), and shared by all functions that have these layers.
"""

from __future__ import annotations

import calendar
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from runtime_api.protocol.function.layer import (
    LINK_TARGET_LIMIT,
    LayerRefused,
    check_entry_count,
    check_unzipped_size,
    entry_mode,
    entry_path,
    link_target,
)

_CHUNK_BYTES = 1 << 20
Fingerprint = tuple[tuple[str, int, int], ...]


class Entry(msgspec.Struct, frozen=True):
    """One thing in a layer: where it goes, its mode and kind, its time of change, and where a link leads."""

    path: str
    mode: int
    modified_s: float
    target: str = ""


def fingerprint(layers: tuple[str, ...]) -> Fingerprint:
    """What tells whether layers have changed; raises LayerRefused when one is not there."""
    return tuple(mark for layer in layers for mark in _marks(layer))


def _marks(layer: str) -> Iterator[tuple[str, int, int]]:
    try:
        status = os.stat(layer)
    except OSError as error:
        raise LayerRefused(layer, f"it cannot be read: {(error.strerror or str(error)).lower()}") from None
    yield layer, status.st_size, status.st_mtime_ns
    for path in _walk(Path(layer)) if stat.S_ISDIR(status.st_mode) else ():
        below = os.lstat(path)
        yield str(path), below.st_size, below.st_mtime_ns


def merge(layers: tuple[str, ...], task_root: str, into: Path) -> None:
    """Write the layers into the folder `into`, which is made; raises LayerRefused, and then the folder is gone again."""
    into.mkdir()
    merging = _Merging(into, folder_size_bytes(task_root))
    try:
        for layer in layers:
            merging.add(layer)
        merging.check_links()
        merging.close_folders()
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise LayerRefused(merging.layer, f"it cannot be unpacked: {error.strerror}: {error.filename}") from None
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def folder_size_bytes(folder: str) -> int:
    """The size of all files in a folder and below."""
    return sum(os.lstat(path).st_size for path in _walk(Path(folder)) if not path.is_symlink() and path.is_file())


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below a folder, folders first; symbolic links are not followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def _modified_s(info: zipfile.ZipInfo) -> float:
    # A zip made without times has month and day zero.
    year, month, day, *time = info.date_time
    return calendar.timegm((year, max(month, 1), max(day, 1), *time, 0, 0, 0))


class _Merging:
    """The folder as it fills."""

    def __init__(self, root: Path, size_bytes: int) -> None:
        self.layer = ""
        self._root = Path(os.path.realpath(root))
        self._size_bytes = size_bytes
        self._links: dict[str, str] = {}
        self._folders: dict[Path, Entry] = {}

    def add(self, layer: str) -> None:
        """Write one layer over what is there."""
        self.layer = layer
        if os.path.isdir(layer):
            self._add_folder(Path(layer))
        elif zipfile.is_zipfile(layer):
            self._add_zip()
        else:
            raise LayerRefused(layer, "it is neither a folder nor a zip file")

    def _add_folder(self, folder: Path) -> None:
        for source in _walk(folder):
            status = source.lstat()
            name = str(source.relative_to(folder))
            mode = entry_mode(self.layer, name, status.st_mode, is_folder=stat.S_ISDIR(status.st_mode))
            target = os.readlink(source) if stat.S_ISLNK(mode) else ""
            entry = Entry(name, mode, status.st_mtime, target)
            if stat.S_ISREG(mode):
                with source.open("rb") as content:
                    self._write(entry, content)
            else:
                self._write(entry, None)

    def _add_zip(self) -> None:
        try:
            with zipfile.ZipFile(self.layer) as archive:
                infos = archive.infolist()
                check_entry_count(self.layer, len(infos))
                check_unzipped_size(self.layer, self._size_bytes + sum(info.file_size for info in infos))
                for info in infos:
                    self._add_zip_entry(archive, info)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            if isinstance(error, LayerRefused):
                raise
            raise LayerRefused(self.layer, f"the zip file cannot be read: {error}") from None

    def _add_zip_entry(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        # As it stands in the file: zipfile has repaired the other one.
        name = info.orig_filename
        path = entry_path(self.layer, name)
        mode = entry_mode(self.layer, name, info.external_attr >> 16, is_folder=name.endswith("/"))
        entry = Entry(path, mode, _modified_s(info))
        if info.flag_bits & 1:
            raise LayerRefused(self.layer, "it is encrypted", name)
        with archive.open(info) as content:
            if stat.S_ISLNK(mode):
                target = os.fsdecode(content.read(LINK_TARGET_LIMIT + 1))
                self._write(msgspec.structs.replace(entry, target=target), None)
            else:
                self._write(entry, content)

    def _write(self, entry: Entry, content: IO[bytes] | None) -> None:
        place = self._place(entry)
        if stat.S_ISDIR(entry.mode):
            self._write_folder(place, entry)
            return
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        self._links.pop(entry.path, None)
        if stat.S_ISLNK(entry.mode):
            place.symlink_to(link_target(self.layer, entry.path, entry.target))
            self._links[entry.path] = self.layer
        else:
            assert content is not None
            self._write_file(place, entry, content)

    def _place(self, entry: Entry) -> Path:
        """Where it goes; its parents are made, and are in the folder whatever links lead to them."""
        place = self._root / entry.path
        parent = place.parent if entry.path else self._root
        if not self._holds(parent):
            raise LayerRefused(self.layer, "a symbolic link on its way leads out of /opt", entry.path)
        if not parent.is_dir():
            parent.mkdir(parents=True, mode=0o755)
        return place

    def _holds(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)

    def _write_folder(self, place: Path, entry: Entry) -> None:
        if not place.is_dir():
            place.unlink(missing_ok=True)
            self._links.pop(entry.path, None)
            place.mkdir()
        if not place.is_symlink():
            self._folders[place] = entry

    def _write_file(self, place: Path, entry: Entry, content: IO[bytes]) -> None:
        with place.open("xb") as file:
            while chunk := content.read(_CHUNK_BYTES):
                self._size_bytes += len(chunk)
                check_unzipped_size(self.layer, self._size_bytes)
                file.write(chunk)
        place.chmod(stat.S_IMODE(entry.mode))
        # Compiled Python is good for a source of one time only.
        os.utime(place, (entry.modified_s, entry.modified_s))

    def check_links(self) -> None:
        """No link, over however many others, leads out."""
        for path, layer in self._links.items():
            if not self._holds(self._root / path):
                raise LayerRefused(layer, "it is a symbolic link that leads out of /opt by way of others", path)

    def close_folders(self) -> None:
        """Give folders their modes and times, now that nothing is written into them any more."""
        for place, entry in sorted(self._folders.items(), reverse=True):
            if place.is_dir():
                # Ours to remove in the end, whatever the layer says.
                place.chmod(stat.S_IMODE(entry.mode) | 0o700)
                os.utime(place, (entry.modified_s, entry.modified_s))
