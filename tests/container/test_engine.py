"""What the engines are told, and what is said when there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from container.context import write_context
from container.engine import BuildFailed, build, build_command, find_engine
from tests.container.folders import CONTAINER
from tests.runtime_api.waiting import lives_until


def test_each_engine_is_told_in_its_words() -> None:
    """Arguments, options of the user's, and the folder last."""
    folder = Path("/context")
    more = ["--platform=linux/arm64"]
    assert build_command("docker", folder, "one:1", {"BASE": "two"}, more) == [
        "docker",
        "build",
        "--tag=one:1",
        "--file=/context/container/Dockerfile",
        "--build-arg=BASE=two",
        "--platform=linux/arm64",
        "/context",
    ]
    assert "--timestamp=0" in build_command("buildah", folder, "one:1", {}, [])


def test_no_engine_is_an_error_that_names_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All three."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildFailed, match="docker, podman or buildah, and none of them is here: install one"):
        find_engine()


def test_an_engine_without_its_daemon_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For one that works; where none does, the first is taken, and says why not."""
    for name, status in (("docker", 1), ("buildah", 0)):
        (tmp_path / name).write_text(f'#!/bin/sh\n[ "$1" = info ] && exit {status}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_engine() == "buildah"
    (tmp_path / "buildah").unlink()
    assert find_engine() == "docker"


def test_an_engine_that_fails_fails_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With its status."""
    engine = tmp_path / "docker"
    engine.write_text('#!/bin/sh\n[ "$BUILDX_NO_DEFAULT_ATTESTATIONS" = 1 ] && exit 7\n')
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "context").mkdir()
    with pytest.raises(BuildFailed, match="docker ended with status 7"):
        build(find_engine(), tmp_path / "context", "one:1", {})


def test_a_context_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """As on a full disk."""
    (tmp_path / "file").touch()
    with pytest.raises(BuildFailed, match=r"the build context cannot be written to .*/nowhere: "):
        build("docker", tmp_path / "file" / "nowhere", "one:1", {})


def test_an_engine_that_is_interrupted_may_clean_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It has containers and mounts of its own."""
    engine, told = tmp_path / "docker", tmp_path / "told"
    engine.write_text(
        f"#!/bin/sh\ntrap 'echo cleaned > {told}; exit 1' TERM\n: > {told}\nwhile :; do sleep 0.01; done\n"
    )
    engine.chmod(0o755)
    (tmp_path / "context").mkdir()
    waits = subprocess.Popen.wait

    def wait(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if timeout is None:
            lives_until(process, told.exists)
            raise KeyboardInterrupt
        return waits(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        build(str(engine), tmp_path / "context", "one:1", {})
    assert told.read_text() == "cleaned\n"


def test_an_engine_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(BuildFailed, match="nobody cannot be started: No such file"):
        build("nobody", tmp_path, "one:1", {})


def test_the_context_has_all_the_dockerfile_copies(tmp_path: Path) -> None:
    """And nothing of this machine's: no compiled files, no tests."""
    write_context(tmp_path)
    sources = [
        source
        for line in (CONTAINER / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
        if not source.startswith("--")
    ]
    assert len(sources) == 6
    assert [source for source in sources if not list(tmp_path.glob(source))] == []
    assert not list(tmp_path.rglob("*.pyc"))
    assert "aiohttp==" in (tmp_path / "container" / "requirements.txt").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bootstrap", "container", "runtime_api"]
