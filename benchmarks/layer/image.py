"""How long the image takes from its start to its first call, as a server, on a read-only root.

Strategy: the image is built as users build it, by buildah from the base the tests have; a container is a mount of it in bubblewrap, so
what is measured is what is in the image, and no engine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.peers import IMAGE_BASE
from benchmarks.report import Figure, Result
from benchmarks.servers import REPOSITORY

TAG = "localhost/pilotlight:benchmark"
READY = b"ready: "


def run(store: Path, wheels: Path, starts: int = 20) -> Result:
    """Start it so many times; `store` holds the base, `wheels` the packages."""
    with (
        tempfile.TemporaryDirectory(prefix="pilotlight-benchmark-") as folder,
        _image(Path(folder), store, wheels) as root,
    ):
        _start(root)
        samples = [_start(root) for _ in range(starts)]
    return Result(
        "image-start",
        f"exec of the entry point to `ready:`, {starts} starts",
        [
            Figure("image start to ready", median(samples) * 1e3, "ms", "<=", 500),
            Figure("the fastest start", min(samples) * 1e3, "ms"),
        ],
    )


@contextmanager
def _image(folder: Path, store: Path, wheels: Path) -> Iterator[Path]:
    """A folder with the files of the image, built in a store of its own."""
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = ""\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n'
        f'[storage.options]\nadditionalimagestores = ["{store}"]\n'
    )
    environment = {"CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"), "BUILDAH_ISOLATION": "chroot"}

    def output(*command: str) -> str:
        done = subprocess.run(
            command, cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    build = [sys.executable, "-c", "from runtime_api.cli.entry import main; main()", "image", "build"]
    offline = [f"--volume={wheels}:/wheels:ro", "--build-arg=PIP_FIND_LINKS=/wheels", "--build-arg=PIP_NO_INDEX=1"]
    output(*build, "--engine=buildah", f"--base={IMAGE_BASE}", f"--tag={TAG}", "--", *offline)
    try:
        yield Path(output("buildah", "mount", output("buildah", "from", TAG)))
    finally:
        # What is mounted below would keep the folder from being deleted.
        output("buildah", "rm", "--all")
        output("buildah", "rmi", "--all", "--force")


def _start(root: Path) -> float:
    """Seconds until it says that it is ready."""
    within = ["bwrap", "--ro-bind", str(root), "/", "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"]
    within += ["--unshare-pid", "--unshare-user", "--uid", "993", "--gid", "990", "--die-with-parent", "--clearenv"]
    within += ["--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--setenv", "LAMBDA_TASK_ROOT", "/var/task"]
    command = [*within, "--setenv", "PORT", "0", "--chdir", "/var/task", "/lambda-entrypoint.sh", "app.handler"]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as container:
        assert container.stderr is not None
        try:
            if not any(READY in line for line in container.stderr):
                raise RuntimeError("the image ended before it was ready")
            return time.perf_counter() - begin
        finally:
            container.kill()
