"""Every command of the page about AWS is run as it stands there, on the Python there is; AWS is a server of its API, docker a stand-in."""

from __future__ import annotations

import json
import os
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from container.project import write_project
from tests.docs.conftest import CREDENTIALS, run
from tests.layers.conftest import need_layer_tools

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text().replace("3.13", f"3.{sys.version_info[1]}")
WRAPPER, RUNTIME, IMAGE, SHARED, ALIAS, UPDATE, BACK, BY_S3 = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
DOCKER = '#!/bin/sh\necho "$@" >> "$DOCKER_WAS_TOLD"\n[ "$1" != login ] || cat >> "$DOCKER_WAS_TOLD"\n'
Shell = Callable[[str], str]


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """The file of what docker was told."""
    return tmp_path / "told"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project."""
    write_project(tmp_path / "hello", "plain")
    return tmp_path / "hello"


@pytest.fixture
def shell(project: Path, aws: str, told: Path) -> Shell:
    """Runs commands of the page in a new project, with a role and a bucket."""
    docker = told.with_name("bin") / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    path = os.pathsep.join((str(Path(sys.executable).parent), str(docker.parent), os.environ["PATH"]))
    variables = {**CREDENTIALS, "AWS_ENDPOINT_URL": aws, "BUCKET": "zips", "DOCKER_WAS_TOLD": str(told), "PATH": path}
    role = "aws iam create-role --role-name hello --assume-role-policy-document '{}' --query Role.Arn --output text"
    variables["ROLE"] = run(role, project, **variables).strip()
    return lambda command: run(command, project, **variables)


def function(shell: Shell, version: str = "$LATEST") -> dict[str, Any]:
    """What AWS says of a version of the function: `Configuration` and `Code`."""
    found: dict[str, Any] = json.loads(shell(f"aws lambda get-function --function-name hello --qualifier '{version}'"))
    return found


def live(shell: Shell) -> str:
    """The version callers of the alias get."""
    return shell("aws lambda get-alias --function-name hello --name live --query FunctionVersion --output text").strip()


def test_the_wrapper_layer_and_its_versions(shell: Shell, project: Path) -> None:
    """Created, given to others, updated and taken back: the alias follows, and the code is at the top of its zip."""
    shell(WRAPPER + SHARED + ALIAS)
    with zipfile.ZipFile(project / "function.zip") as archive:
        assert [name for name in archive.namelist() if "__pycache__" not in name] == ["app.py"]
    (project / "src" / "app.py").write_text("def handler(event, context):\n    return 2\n")
    shell(next(line for line in WRAPPER.splitlines() if line.startswith("pilotlight package")) + "\n" + UPDATE)
    assert live(shell) == "2"
    first, second = (function(shell, version)["Configuration"] for version in ("1", "2"))
    assert [layer["Arn"].rpartition(":")[2] for one in (first, second) for layer in one["Layers"]] == ["1", "2"]
    assert (first["CodeSha256"] != second["CodeSha256"], first["Architectures"]) == (True, ["x86_64"])
    shell(BACK)
    assert live(shell) == "1"
    shell("aws s3 mb s3://zips\n" + BY_S3)
    assert function(shell)["Configuration"]["CodeSha256"] == second["CodeSha256"]


@pytest.mark.slow
def test_the_runtime_layer(shell: Shell) -> None:
    """The function is on its interpreter."""
    need_layer_tools()
    shell(RUNTIME)
    created = function(shell, "1")["Configuration"]
    assert (created["Runtime"], created["Architectures"]) == ("provided.al2023", ["x86_64"])
    assert [layer["Arn"].split(":")[-2:] for layer in created["Layers"]] == [["pilotlight-runtime", "1"]]


def test_the_image(shell: Shell, told: Path) -> None:
    """It is built, and pushed to the repository the function takes it from; docker may, by the password it was given."""
    shell(IMAGE)
    image = function(shell, "1")["Code"]["ImageUri"]
    assert image.endswith(".dkr.ecr.us-east-1.amazonaws.com/hello:1")
    login, _password, *others = told.read_text().splitlines()
    assert login == f"login --username AWS --password-stdin {image.removesuffix('/hello:1')}"
    assert others[-2:] == [f"build --provenance=false -t {image} .", f"push {image}"]


def test_layer_and_function_are_for_one_python() -> None:
    """In each pair of commands."""
    for block in (WRAPPER, RUNTIME):
        assert len(set(re.findall(r"--python(?:-version)? (\S+)", block))) == 1
