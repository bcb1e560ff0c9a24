"""Every command of the page about layers is run as it stands there, on the Python there is; those of AWS against a server of its API."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from container.project import write_project
from tests.layers.conftest import need_layer_tools
from tests.runtime_api.sandbox.isolation.conftest import needs_bubblewrap

ROOT = Path(__file__).parents[2]
WRITTEN = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "layers.md").read_text(), re.DOTALL)
COMMANDS = [command.replace("3.13", f"3.{sys.version_info[1]}") for command in WRITTEN]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the examples in it."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.fixture
def aws() -> Iterator[str]:
    """The address of a server of AWS's API."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def run(command: str, cwd: Path, **variables: str) -> str:
    """A command of the page, run to its end; what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=cwd,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wrapper_layer_and_its_function(checkout: Path, aws: str) -> None:
    """They are built, published and created; the hash AWS tells is that of the file, and the function has the layer."""
    session = boto3.Session("local", "local", region_name="us-east-1")
    role = session.client("iam", endpoint_url=aws).create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"][
        "Arn"
    ]
    run(COMMANDS[0], checkout)
    run(COMMANDS[1], checkout, ROLE=role, AWS_ENDPOINT_URL=aws, **CREDENTIALS)
    client = session.client("lambda", endpoint_url=aws)
    published = client.get_layer_version(LayerName="pilotlight", VersionNumber=1)
    digest = hashlib.sha256((checkout / "layer.zip").read_bytes()).digest()
    assert published["Content"]["CodeSha256"] == base64.b64encode(digest).decode()
    created = client.get_function_configuration(FunctionName="hello")
    assert [layer["Arn"] for layer in created["Layers"]] == [published["LayerVersionArn"]]


@pytest.mark.slow
@needs_bubblewrap
def test_the_runtime_layer_answers(checkout: Path) -> None:
    """On the interpreter that runs the tests, taken along."""
    need_layer_tools()
    assert run(COMMANDS[2], checkout).endswith('{"message": "Hello, world!"}\n')


def test_a_function_is_packaged(checkout: Path) -> None:
    """The file is there."""
    run(COMMANDS[3], checkout)
    assert (checkout / "function.zip").is_file()


def test_layer_and_function_are_for_one_python() -> None:
    """Whichever runs the commands: all say which."""
    building, using = WRITTEN[:2]
    assert "--python 3.13 " in building
    assert ("--python-version 3.13 " in using, "--runtime python3.13 " in using) == (True, True)


def test_deploying_a_new_project(tmp_path: Path) -> None:
    """What the page about that builds in its folder: the function is at the top of its zip, and the layer is not in it."""
    write_project(tmp_path / "hello", "plain")
    page = (ROOT / "docs" / "deploy.md").read_text().replace("3.13", f"3.{sys.version_info[1]}")
    run("\n".join(re.findall(r"^pilotlight (?:layer|package) .*", page, re.MULTILINE)[:2]), tmp_path / "hello")
    assert (tmp_path / "hello" / "pilotlight-layer.zip").is_file()
    with zipfile.ZipFile(tmp_path / "hello" / "function.zip") as archive:
        assert [name for name in archive.namelist() if "__pycache__" not in name] == ["app.py"]


def test_every_command_is_run() -> None:
    """No command of the page is left out here."""
    assert len(COMMANDS) == 4
