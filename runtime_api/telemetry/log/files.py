"""Log streams as files: `FOLDER/aws/lambda/NAME/2026/11/21/[$LATEST]…`, the log group's name and the stream's name as they are.

Strategy: text is appended as it comes, line by line, so `tail -f` works; as many files are kept open as are in use, up to a limit. A part
of a name that would be no file name, or lead out of the folder, is written with its bytes in percent form.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

_OPEN_LIMIT = 64
# What CloudWatch allows in names, and what nobody minds in a file's name.
_SAFE = "[]$#@!+=,^ ()"


class LogFiles:
    """Writes log streams below a folder. A stream that cannot be written is given up, and `complain` told why, once.

    Raises OSError, with a message for the user, when the folder cannot be had.
    """

    def __init__(self, folder: str, complain: Callable[[str], None]) -> None:
        self._folder = Path(folder).absolute()
        self._complain = complain
        self._open: OrderedDict[Path, int] = OrderedDict()
        self._given_up: set[Path] = set()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"log folder {folder}: {error.strerror}; name a folder that can be written to") from None

    def write(self, group: str, stream: str, text: bytes) -> None:
        """Append whole lines to a stream of a group; it never raises."""
        path = self.path_of(group, stream)
        if path in self._given_up:
            return
        try:
            _write_all(self._descriptor(path), text)
        except OSError as error:
            self._give_up(path, error)

    def path_of(self, group: str, stream: str) -> Path:
        """The file of a stream; always below the folder."""
        parts = [_file_name(part) for part in f"{group}/{stream}".split("/") if part]
        return self._folder.joinpath(*parts)

    def close(self) -> None:
        """Close every file."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _descriptor(self, path: Path) -> int:
        fd = self._open.get(path)
        if fd is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = self._open[path] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if len(self._open) > _OPEN_LIMIT:
                os.close(self._open.popitem(last=False)[1])
        self._open.move_to_end(path)
        return fd

    def _give_up(self, path: Path, error: OSError) -> None:
        self._given_up.add(path)
        fd = self._open.pop(path, None)
        if fd is not None:
            os.close(fd)
        self._complain(f"log file {path}: {error.strerror}; nothing more is written to it")


def _file_name(part: str) -> str:
    # A name of dots only is the folder itself, or the one above.
    return quote(part, safe=_SAFE) if part.strip(".") else part.replace(".", "%2E")


def _write_all(fd: int, text: bytes) -> None:
    view = memoryview(text)
    while view:
        view = view[os.write(fd, view) :]
