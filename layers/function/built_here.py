"""What would be built on this machine: requirements that name a folder, an archive of sources or a repository.

pip's `--only-binary` holds for what comes from an index: of these it would compile a package for this machine, and leave `build/` and
`*.egg-info` in its folder. uv refuses, but without a word of what to do. Wheels may be named by path or address: their names are
compared with the target.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from layers.errors import DependencyRefused, SourceRefused
from layers.function.requirements import Requirements
from layers.function.target import Target

# https://pip.pypa.io/en/stable/reference/requirements-file-format/
_INCLUDED = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)")
_EDITABLE = ("-e", "--editable")
_COMMENT = re.compile(r"(^|\s)#.*")
_NAME_BEFORE_ADDRESS = re.compile(r"[\w.-]+\s*(\[[^\]]*\])?\s*@\s*")
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tbz|txz|tlz|tar\.\w+)$")
_WHEEL = re.compile(r"\.whl($|[\[#?;])")


def check_nothing_is_built(requirements: Requirements, target: Target) -> None:
    """Raise DependencyRefused for the first that is no wheel by its own account; SourceRefused when it cannot be read."""
    if requirements.are_locked:
        return
    for line in requirements.dependencies or _lines(requirements.file.absolute(), set()):
        if _is_built(line):
            raise DependencyRefused(
                f"{line}, which {requirements.file} asks for, would be built here, for this machine and in its own folder. "
                f"Build a wheel of it for {target.system} (pip wheel), ask for it by its name, and name the wheel's folder "
                "with --find-links."
            )


def _lines(file: Path, seen: set[Path]) -> Iterator[str]:
    """The lines of a file and of those it includes, which a file may do in a circle."""
    seen.add(file)
    try:
        text = file.read_text(errors="replace")
    except OSError as error:
        raise SourceRefused(f"{file} cannot be read: {error.strerror}") from None
    for line in text.replace("\\\n", "").splitlines():
        line = _COMMENT.sub("", line).strip()
        included = _INCLUDED.match(line)
        other = Path(os.path.normpath(file.parent / included[1])) if included else file
        if other not in seen and os.path.isfile(other):
            yield from _lines(other, seen)
        elif line:
            yield line


def _is_built(line: str) -> bool:
    if line.startswith("-"):
        return line.startswith(_EDITABLE)
    place = (_NAME_BEFORE_ADDRESS.sub("", line, count=1).split() or [""])[0]
    is_place = "/" in place or place.startswith(".") or _ARCHIVE.search(place) is not None
    return is_place and not _WHEEL.search(place)
