"""The build context: what the Dockerfile copies, in one folder; written from the installed package, wherever that is."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from container.requirements import of_the_image, pinned

HERE = Path(__file__).parent
DOCKERFILE = "container/Dockerfile"
IGNORED = ("__pycache__", "*.pyc")


def write_context(folder: Path) -> None:
    """Fill an empty folder with the build context."""
    for package in ("bootstrap", "runtime_api"):
        shutil.copytree(_folder_of(package), folder / package, ignore=shutil.ignore_patterns(*IGNORED))
    ours = folder / "container"
    shutil.copytree(HERE / "inside", ours / "inside", ignore=shutil.ignore_patterns(*IGNORED))
    shutil.copy(HERE / "Dockerfile", ours)
    (ours / "requirements.txt").write_text(pinned(of_the_image()))


def _folder_of(package: str) -> Path:
    # Found, not imported: the bootstrap is nobody's to import.
    spec = find_spec(package)
    assert spec is not None, package
    assert spec.origin is not None, package
    return Path(spec.origin).parent
