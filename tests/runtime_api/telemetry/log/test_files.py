from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.telemetry.log.files import LogFiles

GROUP, STREAM = "/aws/lambda/hello", "2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef"


class Kept:
    """Log files and the complaints about them."""

    def __init__(self, folder: Path) -> None:
        self.complaints: list[str] = []
        self.files = LogFiles(str(folder), self.complaints.append)


def test_a_stream_is_a_file_of_its_name(tmp_path: Path) -> None:
    """Below a folder for its group; each write is there at once, behind the one before."""
    kept = Kept(tmp_path / "logs")
    kept.files.write(GROUP, STREAM, b"one\n")
    kept.files.write(GROUP, STREAM, b"two\n\xff")
    path = tmp_path / "logs/aws/lambda/hello/2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef"
    assert path.read_bytes() == b"one\ntwo\n\xff"
    kept.files.close()


def test_a_file_that_is_there_is_continued(tmp_path: Path) -> None:
    """Nothing is overwritten."""
    for text in (b"one\n", b"two\n"):
        kept = Kept(tmp_path)
        kept.files.write(GROUP, STREAM, text)
        kept.files.close()
    assert kept.files.path_of(GROUP, STREAM).read_bytes() == b"one\ntwo\n"


def test_few_files_are_open(tmp_path: Path) -> None:
    """The longest unused is closed, and opened again when it is written to."""
    kept = Kept(tmp_path)
    for _ in range(2):
        for number in range(100):
            kept.files.write(GROUP, f"stream-{number}", b"x\n")
    assert len(kept.files._open) == 64
    kept.files.close()
    assert {path.read_bytes() for path in (tmp_path / "aws/lambda/hello").iterdir()} == {b"x\nx\n"}


def test_closing_closes_all(tmp_path: Path) -> None:
    """No descriptor is left."""
    kept = Kept(tmp_path)
    kept.files.write(GROUP, STREAM, b"x\n")
    [fd] = kept.files._open.values()
    kept.files.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.parametrize(
    ("group", "stream", "path"),
    [
        ("../../etc", "passwd", "%2E%2E/%2E%2E/etc/passwd"),
        ("/", "x", "x"),
        ("a//b", "./c", "a/b/%2E/c"),
        ("a", "b\0c\n", "a/b%00c%0A"),
        ("a", "b:c*", "a/b%3Ac%2A"),
        ("a", "...", "a/%2E%2E%2E"),
        ("a.b#c-d_e", ".hidden", "a.b#c-d_e/.hidden"),
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, group: str, stream: str, path: str) -> None:
    """What is no file's name is written another way."""
    assert Kept(tmp_path).files.path_of(group, stream) == tmp_path / path


@given(group=st.text(), stream=st.text(min_size=1))
def test_any_name_stays_below(group: str, stream: str) -> None:
    """Whatever the names are."""
    files = LogFiles("/", print)
    parts = files.path_of(group, stream).parts
    assert parts[0] == "/"
    assert not {".", "..", ""} & set(parts[1:])
    assert all("\0" not in part and "/" not in part for part in parts[1:])


def test_a_stream_that_cannot_be_written_is_given_up(tmp_path: Path) -> None:
    """It is said once, and the others go on."""
    (tmp_path / "aws").write_text("in the way")
    kept = Kept(tmp_path)
    kept.files.write(GROUP, STREAM, b"one\n")
    kept.files.write(GROUP, STREAM, b"two\n")
    kept.files.write("other", STREAM, b"three\n")
    [complaint] = kept.complaints
    assert complaint == f"log file {kept.files.path_of(GROUP, STREAM)}: Not a directory; nothing more is written to it"
    assert kept.files.path_of("other", STREAM).read_bytes() == b"three\n"
    kept.files.close()


def test_a_disk_that_is_full_is_survived(tmp_path: Path) -> None:
    """The file is closed and given up."""
    kept = Kept(tmp_path)
    path = kept.files.path_of("full", "stream")
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    kept.files.write("full", "stream", b"x\n")
    assert kept.complaints == [f"log file {path}: No space left on device; nothing more is written to it"]
    assert not kept.files._open


def test_a_folder_that_cannot_be_had(tmp_path: Path) -> None:
    """Said before anything starts."""
    (tmp_path / "file").touch()
    with pytest.raises(
        OSError, match=r"log folder .*/file/logs: Not a directory; name a folder that can be written to"
    ):
        LogFiles(str(tmp_path / "file" / "logs"), print)
