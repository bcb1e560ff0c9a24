"""Library: imports of the standard library that modules of the function cannot get in the way of.

A function may ship a `types.py`. It comes first on sys.path, as it should, and then breaks `traceback`, which needs the
other one. Within `with StandardLibrary():` the function's folders and modules are set aside; afterwards the function
finds its own again, and none of its names taken. Where no such name is shipped the block does nothing; where one is,
other threads should not be importing at that moment.
"""

import os
import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_lock = RLock()
_ours: "dict[str, ModuleType]" = {}  # of the library, under names that belong to the function


class StandardLibrary:
    """A block in which every import is one of the standard library, if that has the name."""

    def __enter__(self) -> None:
        _lock.acquire()
        self._folders = _folders_before_the_library()
        self._names = frozenset(name for folder in self._folders for name in _library_names_in(folder))
        if self._names:
            self._theirs = self._take([name for name, module in sys.modules.items() if not _is_of_the_library(module)])
            self._kept = frozenset(sys.modules)
            del sys.path[: len(self._folders)]
            sys.modules.update(_ours)

    def __exit__(self, *_: object) -> None:
        if self._names:
            _ours.update(self._take([name for name in sys.modules if name not in self._kept]))
            sys.path[:0] = self._folders
            sys.modules.update(self._theirs)
        _lock.release()

    def _take(self, candidates: list[str]) -> "dict[str, ModuleType]":
        """Take the modules with a name in question out of sys.modules."""
        return {name: sys.modules.pop(name) for name in candidates if name.partition(".")[0] in self._names}


def _folders_before_the_library() -> list[str]:
    folder = _library_folder()
    return sys.path[: sys.path.index(folder)] if folder in sys.path else []


def _library_names_in(folder: str) -> "frozenset[str]":
    try:
        entries = os.listdir(folder)
    except OSError:  # it does not exist, or is a zip file
        return frozenset()
    return sys.stdlib_module_names & {entry.partition(".")[0] for entry in entries}


def _is_of_the_library(module: "ModuleType") -> bool:
    file = getattr(module, "__file__", None)
    return not file or file.startswith(_library_folder() + "/")


def _library_folder() -> str:
    return os.path.dirname(os.__file__)
