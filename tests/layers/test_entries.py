"""Entries of a folder: what is in it and readable by all, and nothing that is not in it."""

import os
from pathlib import Path

import pytest

from layers.entries import FILE, LINK, PROGRAM, Entry, entries_of, sizes_of
from layers.errors import SourceRefused


def test_files_programs_and_links(tmp_path: Path) -> None:
    """Modes are reduced to two; a link within is kept, whatever way it was written."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "private").write_bytes(b"p")
    (tmp_path / "sub" / "private").chmod(0o600)
    (tmp_path / "run").write_bytes(b"r")
    (tmp_path / "run").chmod(0o700)
    (tmp_path / "sub" / "link").symlink_to(tmp_path / "run")
    assert list(entries_of(tmp_path)) == [
        Entry("run", b"r", PROGRAM),
        Entry("sub/link", b"../run", LINK),
        Entry("sub/private", b"p", FILE),
    ]


def test_what_is_left_out_is_not_even_looked_at(tmp_path: Path) -> None:
    """A folder that is left out is left out whole."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "out").symlink_to("/etc/passwd")
    (tmp_path / "kept").touch()
    assert [entry.path for entry in entries_of(tmp_path, lambda path: path.name == "cache")] == ["kept"]


def test_sizes_are_known_before_anything_is_read(tmp_path: Path) -> None:
    """However large a file is; a link has next to none."""
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "link").symlink_to("large")
    (tmp_path / "cache").touch()
    assert sizes_of(tmp_path, lambda path: path.name == "cache") == {"large": 1 << 40, "link": 0}


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "missing/../../outside"])
def test_a_link_that_leads_out_is_refused(tmp_path: Path, target: str) -> None:
    """Neither its target nor the link would mean the same elsewhere."""
    (tmp_path / "outside").touch()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(target)
    with pytest.raises(SourceRefused, match=r"root/link is a symbolic link that leads out of .*root, to /"):
        list(entries_of(tmp_path / "root"))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A named pipe would be read for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceRefused, match="pipe is neither file nor folder"):
        list(entries_of(tmp_path))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(SourceRefused, match="nowhere cannot be read: No such file or directory"):
        list(entries_of(tmp_path / "nowhere"))
