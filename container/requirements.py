"""Which packages the image gets: those installed here, in the versions installed here.

What was tried on this machine is what runs in the image, and building again next month gives the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

FILE = Path(__file__).parent / "requirements.txt"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"\bextra\b")


def pinned(requirements: Iterable[str]) -> str:
    """`NAME==VERSION` lines of requirements and all they require, as installed; what is not installed stays as it was written."""
    found: dict[str, str] = {}
    _follow(requirements, found)
    return "".join(f"{found[name]}\n" for name in sorted(found))


def of_the_image() -> list[str]:
    """The requirements of requirements.txt."""
    return [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]


def _follow(requirements: Iterable[str], found: dict[str, str]) -> None:
    for requirement in requirements:
        name = _name_of(requirement)
        if name in found or _EXTRA.search(requirement.partition(";")[2]):
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            # Its marker rules it out here, and may not there.
            found[name] = requirement
            continue
        found[name] = f"{name}=={distribution.version}{_marker_of(requirement)}"
        _follow(distribution.requires or (), found)


def _name_of(requirement: str) -> str:
    match = _NAME.match(requirement)
    assert match is not None, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _marker_of(requirement: str) -> str:
    marker = requirement.partition(";")[2].strip()
    return f"; {marker}" if marker else ""


if __name__ == "__main__":
    print(pinned([*of_the_image(), *sys.argv[1:]]), end="")
