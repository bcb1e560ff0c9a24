"""For which processor dependencies were compiled, by the binary objects themselves."""

from __future__ import annotations

import re

from layers.entries import Entry
from layers.errors import DependencyRefused
from layers.function.dependencies import recorded
from layers.function.target import Target
from layers.interpreter import elf

_LIBRARY = re.compile(r"\.so(\.\d+)*$")
# An object is an extra in a package that says it runs anywhere: it does without.
_PURE = b"Root-Is-Purelib: true"
_ANYWHERE = ""
# As elf.read names them, and as Lambda does.
_ARCHITECTURES = {"x64-64": "x86_64", "AArch64-64": "arm64"}


def check_machines(entries: list[Entry], target: Target) -> None:
    """Raise DependencyRefused for a package that was compiled for another processor; SourceRefused for a damaged object."""
    packages = _packages(entries)
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        if _LIBRARY.search(entry.path) and entry.content.startswith(elf.MAGIC) and not entry.is_link:
            kind = elf.read(entry.content, entry.path).kind
            package = packages.get(entry.path, entry.path.partition("/")[0])
            found.setdefault(package, {})[_ARCHITECTURES.get(kind, kind)] = entry.path
    found.pop(_ANYWHERE, None)
    for package, paths in found.items():
        # Some have an object for each of several processors, and load the right one.
        if target.architecture not in paths:
            architecture, path = next(iter(paths.items()))
            raise DependencyRefused(
                f"{path} of {package} is compiled for {architecture}, and the function is for {target.architecture}: build a wheel of "
                f"{package} for {target.system} (pip wheel) and name its folder with --find-links, or leave it to a layer"
            )


def _packages(entries: list[Entry]) -> dict[str, str]:
    """The package of each file, by the packages' own lists."""
    pure = {
        entry.path.rpartition("/")[0] for entry in entries if entry.path.endswith("/WHEEL") and _PURE in entry.content
    }
    return {
        path: _ANYWHERE if entry.path.rpartition("/")[0] in pure else entry.path.partition("-")[0]
        for entry in entries
        if entry.path.endswith(".dist-info/RECORD")
        for path in map(recorded, entry.content.decode().splitlines())
    }
