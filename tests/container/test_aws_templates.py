"""The templates that deploy to AWS, by AWS's own translator and linter, and by what reads Terraform."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from container.project import write_project
from layers.wrapper import WRAPPER
from tests.container.folders import DEPLOY

AWS = DEPLOY / "aws"
TEMPLATES = sorted(AWS.glob("*.yaml"))
LINTER = Path(__file__).with_name("lint_templates.py")


@pytest.mark.slow
def test_aws_takes_the_templates(checkers: Path, tmp_path: Path) -> None:
    """Those here and that of a new project; and what would be refused is noticed."""
    write_project(tmp_path / "hello", "stream")
    bad = tmp_path / "bad.yaml"
    bad.write_text((AWS / "wrapper-layer.yaml").read_text().replace("Runtime: python3.13", "Runtime: python3.99"))
    files = [*TEMPLATES, tmp_path / "hello" / "template.yaml", bad]
    done = subprocess.run([checkers / "python", LINTER, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *clean, refused = json.loads(done.stdout)
    assert (len(TEMPLATES), clean) == (3, [[]] * 4)
    assert "python3.99" in " ".join(refused)


@pytest.mark.slow
def test_the_terraform_configuration_is_one(checkers: Path) -> None:
    """It parses, and each function takes what is declared beside it."""
    ask = "import hcl2, json, sys; print(json.dumps(hcl2.load(sys.stdin)))"
    with (AWS / "main.tf").open() as file:
        done = subprocess.run([checkers / "python", "-c", ask], stdin=file, capture_output=True, text=True, check=True)
    resources: list[dict[str, Any]] = json.loads(done.stdout)["resource"]
    kinds = [next(iter(one)).strip('"') for one in resources]
    assert sorted(kinds) == ["aws_lambda_function"] * 3 + ["aws_lambda_layer_version"] * 2


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_would_not_format_it_otherwise() -> None:
    """The one check of its own that needs no provider."""
    assert subprocess.run(["terraform", "fmt", "-check", AWS], check=False).returncode == 0


def test_the_wrapper_is_where_the_layer_has_it() -> None:
    """In every file that names it."""
    named = [file for file in AWS.iterdir() if "AWS_LAMBDA_EXEC_WRAPPER" in file.read_text()]
    assert len(named) == 3
    assert [file.name for file in named if f"/opt/{WRAPPER}" not in file.read_text()] == []


@pytest.mark.parametrize("file", ["wrapper-layer.yaml", "main.tf", "cdk_stack.py"])
def test_the_wrapper_layer_is_built_for_the_functions_python(file: str) -> None:
    """A layer that is called compatible with another version would start no function there."""
    text = (AWS / file).read_text()
    named = {f"3.{minor}" for minor in re.findall(r"(?:python3\.|PYTHON_3_)(\d+)", text)}
    assert set(re.findall(r"layer build --python (\S+)", text)) == named


def test_the_cdk_stack_is_python() -> None:
    """With the three functions; the CDK itself is not installed here."""
    calls = [node for node in ast.walk(ast.parse((AWS / "cdk_stack.py").read_text())) if isinstance(node, ast.Call)]
    made = [node.func.attr for node in calls if isinstance(node.func, ast.Attribute)]
    assert [made.count(name) for name in ("Function", "DockerImageFunction", "LayerVersion")] == [2, 1, 2]
