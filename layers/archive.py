"""The zip file: the same bytes for the same entries, on every machine with the same zlib.

Strategy: sorted names, no folders, one time, Unix modes. Lambda keeps the modes and the symbolic links of a zip
(https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html). It is written beside its place and then renamed, so a build that
ends early leaves what was there.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from layers.entries import Entry, Progress, no_progress
from layers.errors import SourceRefused

# The first that the format can express.
TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
# 9 takes several times as long for one percent less.
_LEVEL = 6
_EVERY = 25


def write_zip(entries: list[Entry], path: Path, progress: Progress = no_progress) -> int:
    """Write the zip and return its size in bytes; raises SourceRefused for two entries of one path."""
    _check_paths(entries)
    with _replacing(path) as new, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for done, entry in enumerate(sorted(entries, key=lambda entry: entry.path), 1):
            archive.writestr(_info(entry), entry.content, compresslevel=_LEVEL)
            if done % _EVERY == 0 or done == len(entries):
                progress("writing the zip", done, len(entries))
    return path.stat().st_size


def _info(entry: Entry) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(entry.path, TIME)
    info.create_system = _UNIX
    info.external_attr = entry.mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _check_paths(entries: list[Entry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.path in seen:
            raise SourceRefused(f"{entry.path} would be in the zip twice")
        seen.add(entry.path)


@contextlib.contextmanager
def _replacing(named: Path) -> Iterator[Path]:
    # What a link leads to is replaced, not the link.
    path = Path(os.path.realpath(named))
    if not os.path.isdir(path.parent):
        raise SourceRefused(f"{named} cannot be written: make the folder {path.parent} first")
    # A rename would put a file in the place of a device.
    if os.path.lexists(path) and not os.path.isfile(path):
        raise SourceRefused(f"{named} cannot be written: it is there, and no file")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise SourceRefused(f"{named} cannot be written: {error.strerror}") from None
    os.close(handle)
    new = Path(name)
    try:
        yield new
        umask = os.umask(0)
        os.umask(umask)
        new.chmod(0o666 & ~umask)
        new.replace(path)
    except OSError as error:
        raise SourceRefused(f"{named} cannot be written: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)
