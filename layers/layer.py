"""What all layers have in common: where things are in /opt, and how a list of entries becomes a zip."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import msgspec

from layers.archive import write_zip
from layers.contents import Component, Contents, contents_entries
from layers.entries import Entry, Progress
from layers.limits import check_unzipped

# Where Lambda unpacks layers: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
OPT = "/opt"
# All of ours is in one folder: what customers' other layers bring keeps its places.
FOLDER = "pilotlight"


class Built(msgspec.Struct, frozen=True):
    """A zip that was written. `notes` are things its user should know."""

    path: Path
    contents: Contents
    files: int
    zipped_bytes: int
    unzipped_bytes: int
    notes: list[str]


def start_lines(init: str) -> str:
    """What the bootstrap's own __main__.py does, for the block of a script that has found its `_folder`."""
    return f"""\
    _external, _importlib = sys.modules["_frozen_importlib_external"], sys.modules["_frozen_importlib"]
    _spec = _external.spec_from_file_location("_pilotlight", _folder + "{init}")
    sys.modules["_pilotlight"] = _package = _importlib.module_from_spec(_spec)
    _spec.loader.exec_module(_package)
    __import__("_pilotlight.start").start.main(_folder)
"""


def pilotlight_version() -> str:
    """The version of this package."""
    return version("pilotlight")


def pilotlight_component() -> Component:
    """This package, as a component of what it builds."""
    number = pilotlight_version()
    return Component("pilotlight", number, "application", "Apache-2.0", f"pkg:pypi/pilotlight@{number}")


def write_layer(
    entries: list[Entry],
    contents: Contents,
    components: list[Component],
    output: Path,
    progress: Progress,
    notes: list[str],
) -> Built:
    """Add what tells about the contents, check the limits and write the zip; raises TooLarge, SourceRefused."""
    entries = [*entries, *contents_entries(contents, components, entries, FOLDER)]
    unzipped_bytes = check_unzipped(entries)
    zipped_bytes = write_zip(entries, output, progress)
    return Built(output, contents, len(entries), zipped_bytes, unzipped_bytes, notes)
