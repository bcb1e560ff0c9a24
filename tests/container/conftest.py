"""The image, built once for all tests of it, and what checks images and templates."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import IMAGE_BASE, checkers_path, image_wheels_path
from tests.container.folders import CONTAINER, PEERS
from tests.container.images import Images, need_image_store


@pytest.fixture(scope="session")
def checkers() -> Path:
    """The folder of programs that check."""
    folder = checkers_path(PEERS)
    if folder is None:
        pytest.skip("the checkers of images and templates are not installed: `make peers` installs them")
    return folder


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """A store of images, with the base image in it; nothing of it is left."""
    store, wheels = need_image_store(), image_wheels_path(PEERS)
    if wheels is None:
        pytest.skip("the packages images are made of are not there: `make peers` gets them, on Debian as root")
    with Images(tmp_path_factory.mktemp("images"), store) as images:
        # As a user does it; the packages come from a folder, and the base is one that is here.
        command = [sys.executable, "-c", "from runtime_api.cli.entry import main; main()", "image", "build"]
        options = [f"--base={IMAGE_BASE}", f"--tag={images.base}", "--engine=buildah", "--"]
        done = subprocess.run(
            [*command, *options, *offline(wheels)],
            cwd=CONTAINER.parent,
            env={**os.environ, **images.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield images


def offline(wheels: Path) -> list[str]:
    """Options of buildah by which pip takes its packages from a folder."""
    return [f"--volume={wheels}:/wheels:ro", "--build-arg=PIP_FIND_LINKS=/wheels", "--build-arg=PIP_NO_INDEX=1"]
