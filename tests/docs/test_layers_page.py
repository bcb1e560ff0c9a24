"""Every command of the page about layers is run as it stands there, on the Python there is; those of AWS against a server of its API."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

import boto3
import pytest

from tests.docs.conftest import CREDENTIALS, run
from tests.layers.conftest import need_layer_tools
from tests.runtime_api.sandbox.isolation.conftest import needs_bubblewrap

ROOT = Path(__file__).parents[2]
WRITTEN = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "layers.md").read_text(), re.DOTALL)
COMMANDS = [command.replace("3.13", f"3.{sys.version_info[1]}") for command in WRITTEN]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the examples in it."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


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


def test_every_command_is_run() -> None:
    """No command of the page is left out here."""
    assert len(COMMANDS) == 4
