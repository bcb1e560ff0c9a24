"""Zips: the same bytes for the same entries, with modes and links."""

import os
import stat
import zipfile
from pathlib import Path

import pytest

from layers.archive import write_zip
from layers.entries import LINK, PROGRAM, Entry
from layers.errors import SourceRefused

ENTRIES = [Entry("z", b"last"), Entry("bin/start", b"#!/bin/sh\n", PROGRAM), Entry("bin/link", b"start", LINK)]


def test_modes_links_and_order(tmp_path: Path) -> None:
    """Files are 0644 or 0755, links are links, names are sorted, folders are not listed, and there is one time."""
    size_bytes = write_zip(ENTRIES, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        found = [(info.filename, oct(info.external_attr >> 16)) for info in archive.infolist()]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("bin/link") == b"start"
    assert found == [("bin/link", "0o120777"), ("bin/start", "0o100755"), ("z", "0o100644")]
    assert size_bytes == (tmp_path / "a.zip").stat().st_size


def test_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    """Neither order nor place nor time are in the file."""
    write_zip(ENTRIES, tmp_path / "a.zip")
    (tmp_path / "other").mkdir()
    write_zip(ENTRIES[::-1], tmp_path / "other" / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "other" / "b.zip").read_bytes()


def test_a_zip_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    """Two entries of one path are refused, and nothing half done stays."""
    path = tmp_path / "a.zip"
    path.write_bytes(b"old")
    with pytest.raises(SourceRefused, match="z would be in the zip twice"):
        write_zip([*ENTRIES, Entry("z", b"again")], path)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.zip", b"old")]


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(SourceRefused, match=r"make the folder .*nowhere first"):
        write_zip(ENTRIES, tmp_path / "nowhere" / "a.zip")


def test_the_file_is_for_others_as_any_file_is(tmp_path: Path) -> None:
    """It has the mode the user's umask gives."""
    before = os.umask(0o027)
    try:
        write_zip(ENTRIES, tmp_path / "a.zip")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.zip").stat().st_mode) == 0o640


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    """A rename would put a file in the place of a device or a pipe."""
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(SourceRefused, match="it is there, and no file"):
            write_zip(ENTRIES, place)
    assert (tmp_path / "pipe").is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    """It still leads there afterwards."""
    (tmp_path / "link.zip").symlink_to("real.zip")
    write_zip(ENTRIES, tmp_path / "link.zip")
    assert (tmp_path / "link.zip").is_symlink()
    assert zipfile.is_zipfile(tmp_path / "real.zip")
