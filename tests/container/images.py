"""Images built by buildah in a store of their own, and containers of them: read-only root, private /tmp, a user that is not root."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from benchmarks.peers import image_store_path
from tests.container.folders import PEERS
from tests.runtime_api.waiting import PATIENCE_S

UID, GID = 993, 990
_ISOLATED = ("/usr/bin/bwrap", "--unshare-user", "--uid", str(UID), "--gid", str(GID), "--die-with-parent")


def need_image_store() -> Path:
    """Where buildah keeps what images are built on, or the test is skipped."""
    store = image_store_path(PEERS)
    if store is None:
        pytest.skip("the system images are made of is not there: `make peers` gets it, on Debian as root")
    if shutil.which("buildah") is None or shutil.which("bwrap") is None:
        pytest.skip("buildah or bubblewrap is not installed")
    return store


class Container:
    """A running container: what it prints goes to a file. `pid` is that of its first process, as seen from here."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, pid: int) -> None:
        self.process = process
        self.pid = pid
        self._log = log

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    def says(self, text: str) -> None:
        """Wait until it has printed this."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.printed:
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.01)

    def port(self) -> int:
        """The port it serves at, once it does."""
        self.says("ready: ")
        return int(self.printed.partition("ready: ")[2].split()[0].rpartition(":")[2])

    def signal(self, number: int) -> None:
        """Send a signal to its first process, as an engine does."""
        os.kill(self.pid, number)

    def ends(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(PATIENCE_S)


class Images:
    """A store. `base` is the tag of the base image in it."""

    base = "localhost/pilotlight:test"

    def __init__(self, folder: Path, below: Path) -> None:
        self._folder = folder
        self._count = 0
        self._roots: dict[str, Path] = {}
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = ""\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n'
            f'[storage.options]\nadditionalimagestores = ["{below}"]\n'
        )
        self.environment = {
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    def __enter__(self) -> Images:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is mounted below would keep the folder from being deleted.
        self.buildah("rm", "--all")
        self.buildah("rmi", "--all", "--force")

    def buildah(self, *arguments: str) -> str:
        """What it prints; it has to succeed."""
        done = subprocess.run(
            ["buildah", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def build(self, folder: Path, tag: str, *options: str) -> None:
        """Build the Dockerfile in a folder."""
        self.buildah("build", "--quiet", "--timestamp=0", f"--tag={tag}", *options, str(folder))

    def inspect(self, tag: str) -> dict[str, Any]:
        """What buildah knows of an image: `Manifest`, as text, `OCIv1` and `FromImageID`, its digest."""
        found: dict[str, Any] = json.loads(self.buildah("inspect", "--type=image", tag))
        return found

    def root(self, tag: str) -> Path:
        """A folder with the image's files."""
        if tag not in self._roots:
            self._roots[tag] = Path(self.buildah("mount", self.buildah("from", tag)))
        return self._roots[tag]

    def placed(self, tag: str, task: Path) -> list[str]:
        """The beginning of a command line that runs a program of an image, with the image's variables and a function's folder."""
        variables = [line.split("=", 1) for line in self.inspect(tag)["OCIv1"]["config"]["Env"]]
        told = [word for name, value in variables for word in ("--setenv", name, value)]
        return [*_ISOLATED, *_on(self.root(tag)), *told, "--ro-bind", str(task), "/var/task", "--chdir", "/var/task"]

    @contextlib.contextmanager
    def run(self, tag: str, *command: str, variables: Mapping[str, str] | None = None) -> Iterator[Container]:
        """A container of an image; `command` instead of the image's own."""
        configuration = self.inspect(tag)["OCIv1"]["config"]
        environment = dict(line.split("=", 1) for line in configuration["Env"])
        environment |= {"PORT": "0", **(variables or {})}
        argv = [*configuration["Entrypoint"], *(command or configuration.get("Cmd") or ())]
        self._count += 1
        log, info = self._folder / f"log-{self._count}", self._folder / f"info-{self._count}"
        with log.open("wb") as output, info.open("wb") as told:
            process = subprocess.Popen(
                [
                    *_ISOLATED,
                    *("--unshare-pid", "--as-pid-1", "--info-fd", str(told.fileno())),
                    *_on(self.root(tag)),
                    *("--chdir", configuration["WorkingDir"]),
                    *argv,
                ],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(told.fileno(),),
            )
        try:
            yield Container(process, log, _first_process(info, process))
        finally:
            process.kill()
            process.wait()


def _on(root: Path) -> list[str]:
    return ["--ro-bind", str(root), "/", "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"]


def _first_process(info: Path, process: subprocess.Popen[bytes]) -> int:
    while not info.read_text().endswith("}\n"):
        if process.poll() is not None:
            return process.pid
    return int(json.loads(info.read_text())["child-pid"])
