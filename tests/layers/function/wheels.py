"""Tiny wheels, made for a test."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    *,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    is_pure: bool = True,
) -> Path:
    """A wheel of version 1.0 in a folder, with a program and with these files."""
    folder.mkdir(exist_ok=True)
    path, about = folder / f"{name}-1.0-{tag}.whl", f"{name}-1.0.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0", *(f"Requires-Dist: {each}" for each in requires)]
    with zipfile.ZipFile(path, "w") as wheel:
        for place, content in files.items():
            wheel.writestr(place, content)
        wheel.writestr(f"{about}/METADATA", "\n".join(metadata) + "\n")
        wheel.writestr(
            f"{about}/WHEEL",
            f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {str(is_pure).lower()}\nTag: {tag}\n",
        )
        wheel.writestr(f"{about}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        listed = "".join(f"{place},,\n" for place in (*wheel.namelist(), f"{about}/RECORD"))
        wheel.writestr(f"{about}/RECORD", listed)
    return path
