"""Which packages the image gets: those installed here, in the versions installed here.

What was tried on this machine is what runs in the image, and building again next month gives the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

FILE = Path(__file__).parent / "requirements.txt"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"\bextra\b")


def pinned(requirements: Iterable[str]) -> str:
    """`NAME==VERSION` lines of requirements and all they require, as installed; what is not installed stays as it was written."""
    found: dict[str, _Pinned] = {}
    _follow(requirements, found)
    return "".join(f"{found[name].line}\n" for name in sorted(found))


def of_the_image() -> list[str]:
    """The requirements of requirements.txt."""
    return [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]


@dataclass
class _Pinned:
    """A package in its version, and under which conditions somebody asks for it: an empty one is always met."""

    package: str
    markers: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """As requirements.txt has it."""
        if "" in self.markers:
            return self.package
        markers = list(dict.fromkeys(self.markers))
        return f"{self.package}; {markers[0] if len(markers) == 1 else ' or '.join(f'({one})' for one in markers)}"


def _follow(requirements: Iterable[str], found: dict[str, _Pinned]) -> None:
    for requirement in requirements:
        name, (written, _, marker) = _name_of(requirement), requirement.partition(";")
        if _EXTRA.search(marker):
            continue
        if name not in found:
            try:
                distribution = metadata.distribution(name)
            except metadata.PackageNotFoundError:
                # Its marker rules it out here, and may not there.
                found[name] = _Pinned(written.strip())
            else:
                found[name] = _Pinned(f"{name}=={distribution.version}")
                _follow(distribution.requires or (), found)
        found[name].markers.append(marker.strip())


def _name_of(requirement: str) -> str:
    match = _NAME.match(requirement)
    assert match is not None, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


if __name__ == "__main__":
    print(pinned([*of_the_image(), *sys.argv[1:]]), end="")
