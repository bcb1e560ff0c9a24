from __future__ import annotations

import errno
import json
import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime_api.dispatch.destinations.files import append_record, check_file
from runtime_api.protocol.destinations.record import RECORD_BEGINNING, destination_record
from tests.runtime_api.protocol.destinations.ends import failed, succeeded

RECORD = destination_record(succeeded())
LINE = RECORD + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "results.jsonl"


def test_each_record_is_a_line(path: Path) -> None:
    """The file is made with the first, and grows."""
    append_record(str(path), RECORD)
    append_record(str(path), destination_record(failed()))
    conditions = [json.loads(line)["requestContext"]["condition"] for line in path.read_text().splitlines()]
    assert conditions == ["Success", "RetriesExhausted"]


def test_a_payload_with_line_ends_stays_on_its_line(path: Path) -> None:
    """Those between JSON's tokens become spaces, those inside strings are escaped anyway."""
    append_record(str(path), destination_record(succeeded(payload=b'{\r\n "a":\n "b\\n"}')))
    [line] = path.read_bytes().splitlines()
    assert json.loads(line)["requestPayload"] == {"a": "b\n"}


@pytest.mark.parametrize("cut", [1, len(RECORD_BEGINNING), len(RECORD_BEGINNING) + 1, len(RECORD)])
@pytest.mark.parametrize("before", [b"", LINE])
def test_what_a_crash_left_of_a_record_is_removed(path: Path, before: bytes, cut: int) -> None:
    """It was never counted as delivered, and comes again."""
    path.write_bytes(before + RECORD[:cut])
    append_record(str(path), RECORD)
    assert path.read_bytes() == before + LINE


def test_a_long_rest_of_a_record_is_removed_as_a_whole(path: Path) -> None:
    """However far its beginning is away."""
    path.write_bytes(LINE + destination_record(succeeded(b'"%b"' % (b"x" * 300_000)))[:-5])
    append_record(str(path), RECORD)
    assert path.read_bytes() == LINE + LINE


def test_somebody_elses_last_line_stays(path: Path) -> None:
    """It only gets its end."""
    path.write_bytes(b"my notes")
    append_record(str(path), RECORD)
    assert path.read_bytes() == b"my notes\n" + LINE


def test_writers_at_once_do_not_mix(path: Path) -> None:
    """Each line is whole, whoever wrote it."""
    record = destination_record(succeeded(b'"%b"' % (b"x" * 100_000)))
    threads = [threading.Thread(target=append_record, args=(str(path), record)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == (record + b"\n") * 8


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Files cannot grow beyond the size of one and a half lines, as on a disk that is full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINE) * 3 // 2, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("_small_files")
def test_a_full_disk_leaves_no_half_line(path: Path) -> None:
    """What had room is taken back, and the error is told."""
    append_record(str(path), RECORD)
    with pytest.raises(OSError, match="No space left"):
        append_record(str(path), RECORD)
    assert path.read_bytes() == LINE


def test_a_check_leaves_no_trace(path: Path) -> None:
    """Neither a file where there was none, nor a change of one."""
    check_file(str(path))
    assert not path.exists()
    path.write_bytes(b"my notes")
    check_file(str(path))
    assert path.read_bytes() == b"my notes"


def test_a_folder_that_cannot_be_written_to_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is to be written."""
    monkeypatch.setattr(os, "access", lambda *_: False)  # nobody forbids root anything
    with pytest.raises(OSError, match="cannot be written to"):
        check_file(str(path))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe nobody reads, a file in a folder that is missing; and nothing waits."""
    os.mkfifo(tmp_path / "pipe")
    for name, number in (("", errno.EISDIR), ("pipe", errno.EINVAL), ("missing/file", errno.ENOENT)):
        with pytest.raises(OSError) as refused:
            check_file(str(tmp_path / name))
        assert refused.value.errno == number
