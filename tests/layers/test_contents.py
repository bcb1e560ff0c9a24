"""What a layer tells about itself."""

import hashlib
import json

from layers.contents import Component, Contents, contents_entries
from layers.entries import PROGRAM, Entry


def test_the_manifest_names_every_file() -> None:
    """With mode, size and hash, sorted."""
    manifest, _ = contents_entries(
        Contents("wrapper", "1.0", ["3.13"]), [], [Entry("b", b"2", PROGRAM), Entry("a", b"")], "ours"
    )
    told = json.loads(manifest.content)
    assert manifest.path == "ours/manifest.json"
    assert (told["kind"], told["pilotlight"], told["python"]) == ("wrapper", "1.0", ["3.13"])
    assert [(file["path"], file["mode"], file["size_bytes"]) for file in told["files"]] == [
        ("a", "100644", 0),
        ("b", "100755", 1),
    ]
    assert told["files"][1]["sha256"] == hashlib.sha256(b"2").hexdigest()


def test_the_list_of_components_is_cyclonedx() -> None:
    """Only what is known of a component is said, and nothing that differs from build to build."""
    components = [
        Component("pilotlight", "1.0", "application", "Apache-2.0", "pkg:pypi/pilotlight@1.0"),
        Component("libz.so.1", sha256="ab"),
    ]
    _, bill = contents_entries(Contents("runtime", "1.0", ["3.13.0"]), components, [], "ours")
    assert json.loads(bill.content) == {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "components": [
            {
                "type": "application",
                "name": "pilotlight",
                "version": "1.0",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "purl": "pkg:pypi/pilotlight@1.0",
            },
            {"type": "library", "name": "libz.so.1", "hashes": [{"alg": "SHA-256", "content": "ab"}]},
        ],
    }
