"""What is in a layer, for people and scanners: a manifest with a hash of every file, and a list of components in CycloneDX.

The list follows https://cyclonedx.org/docs/1.5/json/. It has neither a serial number nor a time: both would differ from build to build.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from layers.entries import Entry

_ENCODER = msgspec.json.Encoder(order="sorted")


class Component(msgspec.Struct, frozen=True):
    """A piece of software in the layer. `purl` names it for scanners, `sha256` is that of its file if it is one."""

    name: str
    version: str = ""
    kind: Literal["application", "library", "platform"] = "library"
    licence: str = ""
    purl: str = ""
    sha256: str = ""


class Contents(msgspec.Struct, frozen=True):
    """What a layer is: of which kind, for which Python and architecture, and the newest glibc it needs; empty when any will do."""

    kind: str
    pilotlight: str
    python: list[str]
    architecture: str = ""
    glibc: str = ""


def contents_entries(contents: Contents, components: list[Component], entries: list[Entry], below: str) -> list[Entry]:
    """The manifest and the list of components, as entries in the folder `below`."""
    return [
        Entry(f"{below}/manifest.json", _json(_manifest(contents, entries))),
        Entry(f"{below}/contents.cdx.json", _json(_bill(components))),
    ]


def _manifest(contents: Contents, entries: list[Entry]) -> dict[str, Any]:
    files = [
        {
            "path": entry.path,
            "mode": f"{entry.mode:o}",
            "size_bytes": len(entry.content),
            "sha256": hashlib.sha256(entry.content).hexdigest(),
        }
        for entry in sorted(entries, key=lambda entry: entry.path)
    ]
    return {**msgspec.to_builtins(contents), "files": files}


def _bill(components: list[Component]) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "components": [_described(component) for component in components],
    }


def _described(component: Component) -> dict[str, Any]:
    found: dict[str, Any] = {"type": component.kind, "name": component.name}
    if component.version:
        found["version"] = component.version
    if component.licence:
        found["licenses"] = [{"license": {"id": component.licence}}]
    if component.purl:
        found["purl"] = component.purl
    if component.sha256:
        found["hashes"] = [{"alg": "SHA-256", "content": component.sha256}]
    return found


def _json(value: object) -> bytes:
    return msgspec.json.format(_ENCODER.encode(value), indent=1) + b"\n"
