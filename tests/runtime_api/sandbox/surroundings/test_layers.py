from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime_api.protocol.function import layer as rules
from runtime_api.protocol.function.layer import LayerRefused
from runtime_api.sandbox.surroundings.layers import fingerprint, folder_size_bytes, merge

Contents = dict[str, tuple[int, str]]
Zip = Callable[[Contents], str]
Merge = Callable[..., Path]
FILE, PROGRAM, LINK, FOLDER = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755


@pytest.fixture
def zipped(tmp_path: Path) -> Zip:
    """Make a zip of names with their modes and contents."""

    def make(contents: Contents) -> str:
        path = tmp_path / f"layer-{len(list(tmp_path.iterdir()))}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, (mode, content) in contents.items():
                info = zipfile.ZipInfo(name, (2024, 2, 29, 12, 30, 58))
                info.external_attr = mode << 16
                archive.writestr(info, content)
        return str(path)

    return make


@pytest.fixture
def merged(tmp_path: Path) -> Merge:
    """Merge layers into a new folder."""
    (tmp_path / "task").mkdir()

    def make(*layers: str) -> Path:
        into = tmp_path / f"opt-{len(list(tmp_path.iterdir()))}"
        merge(layers, str(tmp_path / "task"), into)
        return into

    return make


def tree(folder: Path) -> dict[str, str]:
    """What is in a folder: files with their content, links with their target."""
    return {
        str(path.relative_to(folder)): f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_a_zip_is_unpacked_as_it_is(zipped: Zip, merged: Merge) -> None:
    """Modes, links and times are kept."""
    opt = merged(
        zipped({"bin/run": (PROGRAM, "run"), "bin/alias": (LINK, "run"), "lib/secret": (stat.S_IFREG | 0o600, "x")})
    )
    assert tree(opt) == {"bin/run": "run", "bin/alias": "-> run", "lib/secret": "x"}
    assert [stat.S_IMODE((opt / name).stat().st_mode) for name in ("bin/run", "lib/secret", "lib")] == [
        0o755,
        0o600,
        0o755,
    ]
    # 2024-02-29 12:30:58 in UTC, whatever this machine's zone
    assert (opt / "bin/run").stat().st_mtime == 1_709_209_858


def test_a_folder_is_copied_as_it_is(tmp_path: Path, merged: Merge) -> None:
    """Hidden files and empty folders too; what is done to the copy is not done to the layer."""
    source = tmp_path / "layer"
    (source / "python" / "empty").mkdir(parents=True)
    (source / "python" / ".hidden").write_text("x")
    (source / "run").write_text("run")
    (source / "run").chmod(0o750)
    (source / "alias").symlink_to("python/.hidden")
    opt = merged(str(source))
    assert tree(opt) == {"python/.hidden": "x", "run": "run", "alias": "-> python/.hidden"}
    assert (opt / "python" / "empty").is_dir()
    assert stat.S_IMODE((opt / "run").stat().st_mode) == 0o750
    assert not (opt / "run").samefile(source / "run")


def test_later_layers_win(zipped: Zip, merged: Merge, tmp_path: Path) -> None:
    """File by file; folders are merged, and a file may take a folder's or a link's place."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "both").write_text("folder")
    first = zipped({"both": (FILE, "first"), "kept": (FILE, "first"), "x/inside": (FILE, "1"), "y": (LINK, "kept")})
    last = zipped(
        {"both": (FILE, "last"), "x": (FILE, "file"), "y": (FILE, "file"), "d/": (FOLDER, ""), "d/new": (FILE, "2")}
    )
    assert tree(merged(first, str(tmp_path / "folder"))) == {
        "both": "folder", "kept": "first", "x/inside": "1", "y": "-> kept",
    }  # fmt: skip
    assert tree(merged(first, last)) == {"both": "last", "kept": "first", "x": "file", "y": "file", "d/new": "2"}


def test_a_folder_of_a_later_layer_may_be_a_link_of_an_earlier(zipped: Zip, merged: Merge) -> None:
    """As lib64 often is: what is put there goes where it leads."""
    opt = merged(
        zipped({"lib/a": (FILE, "a"), "lib64": (LINK, "lib")}), zipped({"lib64/": (FOLDER, ""), "lib64/b": (FILE, "b")})
    )
    assert tree(opt) == {"lib/a": "a", "lib/b": "b", "lib64": "-> lib"}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"../../evil": (FILE, "x")}, "entry '../../evil': the path leads out of the layer with '..'"),
        ({"/etc/evil": (FILE, "x")}, "entry '/etc/evil': the path is absolute; it must be relative to /opt"),
        ({"a": (stat.S_IFCHR | 0o666, "")}, "entry 'a': it is a device, a pipe or a socket"),
        ({"a": (LINK, "/etc/passwd")}, "entry 'a': it is a symbolic link to /etc/passwd, out of /opt"),
        ({"a": (LINK, "../x")}, "entry 'a': it is a symbolic link to ../x, out of /opt"),
        (
            {"d/b": (LINK, ".."), "a": (LINK, "d/b/../x")},
            "entry 'a': it is a symbolic link that leads out of /opt by way of others",
        ),
        (
            {"d/b": (LINK, ".."), "a": (LINK, "d/b/.."), "a/evil": (FILE, "x")},
            "entry 'a/evil': a symbolic link on its way leads out of /opt",
        ),
        ({"a": (FILE, "x"), "a/b": (FILE, "x")}, "it cannot be unpacked"),
    ],
)
def test_what_leads_out_is_refused(
    zipped: Zip, merged: Merge, tmp_path: Path, contents: Contents, message: str
) -> None:
    """The layer and the entry are named, nothing is written outside, and nothing is left inside."""
    layer = zipped(contents)
    before = sorted(path for path in tmp_path.rglob("*"))
    with pytest.raises(LayerRefused) as refused:
        merged(layer)
    assert str(refused.value).startswith(f"layer {layer}")
    assert message in str(refused.value)
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_link_that_leads_to_itself_is_only_broken(zipped: Zip, merged: Merge) -> None:
    """As it is on Lambda."""
    assert tree(merged(zipped({"a": (LINK, "b"), "b": (LINK, "a")}))) == {"a": "-> b", "b": "-> a"}


def test_a_pipe_in_a_folder_is_refused(merged: Merge, tmp_path: Path) -> None:
    """It is not even opened, which would wait for ever."""
    (tmp_path / "layer").mkdir()
    os.mkfifo(tmp_path / "layer" / "pipe")
    with pytest.raises(LayerRefused, match="entry 'pipe': it is a device, a pipe or a socket"):
        merged(str(tmp_path / "layer"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"just text"])
def test_what_is_no_layer(merged: Merge, tmp_path: Path, content: bytes) -> None:
    """Named, with what it may be."""
    (tmp_path / "layer.zip").write_bytes(content)
    with pytest.raises(LayerRefused, match="it is neither a folder nor a zip file"):
        merged(str(tmp_path / "layer.zip"))


def test_a_damaged_zip(zipped: Zip, merged: Merge) -> None:
    """A check sum that is wrong, a method nobody knows, an encrypted entry."""
    layer = Path(zipped({"name": (FILE, "content" * 100)}))
    whole = layer.read_bytes()
    directory = whole.rindex(b"PK\x01\x02")
    for offset, damage, message in [
        (directory + 16, b"\0\0\0\0", "Bad CRC-32"),
        (directory + 10, struct.pack("<H", 77), "the zip file cannot be read"),
        (directory + 8, struct.pack("<H", 1), "it is encrypted"),
    ]:
        layer.write_bytes(whole[:offset] + damage + whole[offset + len(damage) :])
        with pytest.raises(LayerRefused, match=message):
            merged(str(layer))


def test_a_bomb_that_says_so(zipped: Zip, merged: Merge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused by what it declares, before a byte is unpacked."""
    layer = zipped({"a": (FILE, "x" * 600), "b": (FILE, "x" * 600)})
    monkeypatch.setattr(rules, "UNZIPPED_LIMIT_BYTES", 1000)
    with pytest.raises(LayerRefused, match=r"Unzipped size must be smaller than 1000 bytes\..*have 1200 or more"):
        merged(layer)


def test_a_bomb_that_lies(zipped: Zip, merged: Merge, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry with more in it than it declares is not believed, and not unpacked to its end."""
    layer = Path(zipped({"a": (FILE, "x" * 100_000)}))
    whole = layer.read_bytes()
    directory = whole.rindex(b"PK\x01\x02")
    layer.write_bytes(whole[: directory + 24] + struct.pack("<I", 10) + whole[directory + 28 :])
    with pytest.raises(LayerRefused, match="the zip file cannot be read"):
        merged(str(layer))


def test_the_functions_code_counts(zipped: Zip, merged: Merge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code and layers together have one limit; folders are counted as they are copied."""
    (tmp_path / "task" / "code").write_text("x" * 600)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x" * 600)
    monkeypatch.setattr(rules, "UNZIPPED_LIMIT_BYTES", 1000)
    for layer in (zipped({"a": (FILE, "x" * 600)}), str(tmp_path / "folder")):
        with pytest.raises(LayerRefused, match="have 1200 or more"):
            merged(layer)


def test_many_empty_files_are_a_bomb_too(zipped: Zip, merged: Merge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number is limited."""
    monkeypatch.setattr(rules, "LAYER_ENTRIES_LIMIT", 2)
    with pytest.raises(LayerRefused, match="it has 3 entries; 2 are the most"):
        merged(zipped({"a": (FILE, ""), "b": (FILE, ""), "c": (FILE, "")}))


def test_a_fingerprint_changes_with_its_layers(zipped: Zip, tmp_path: Path) -> None:
    """A zip that is made again, a file that is added deep in a folder."""
    layer = zipped({"a": (FILE, "1")})
    folder = tmp_path / "folder" / "deep"
    folder.mkdir(parents=True)
    marks = [fingerprint((layer, str(tmp_path / "folder")))]
    os.utime(layer, (1, 1))
    marks.append(fingerprint((layer, str(tmp_path / "folder"))))
    (folder / "new").write_text("x")
    marks.append(fingerprint((layer, str(tmp_path / "folder"))))
    assert len(set(marks)) == 3
    assert fingerprint((layer, str(tmp_path / "folder"))) == marks[2]


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    """Named, with the system's words."""
    with pytest.raises(LayerRefused) as refused:
        fingerprint((str(tmp_path / "gone.zip"),))
    assert str(refused.value) == f"layer {tmp_path}/gone.zip: it cannot be read: no such file or directory"


def test_the_size_of_a_folder(tmp_path: Path) -> None:
    """Files at every depth, links not followed."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("12345")
    (tmp_path / "link").symlink_to("a")
    assert folder_size_bytes(str(tmp_path)) == 5
