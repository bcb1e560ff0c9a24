"""New projects: their files, and that they work as they are written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from benchmarks.servers import pilotlight
from container.project import KindName, ProjectRefused, project_files, write_project
from runtime_api.config.configuration import configuration_at
from runtime_api.config.settings import Settings

KINDS: tuple[KindName, ...] = get_args(KindName)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project of each kind, named after it."""
    folder = tmp_path_factory.mktemp("projects")
    for kind in KINDS:
        write_project(folder / f"my-{kind}", kind)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_has_what_it_needs(kind: KindName) -> None:
    """A function, a test, a template, a Dockerfile and a README, with no word of ours left in them."""
    files = project_files("hello", kind)
    assert {"src/app.py", "tests/test_app.py", "template.yaml", "Dockerfile", "README.md"} <= set(files)
    assert [path for path, text in files.items() if "{{" in text] == []


@pytest.mark.slow
def test_the_tests_of_each_pass(projects: Path) -> None:
    """As its README says to run them; here all in one go."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *_options()]
    done = subprocess.run(
        [*command, str(projects)], cwd=projects, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, f"{len(KINDS)} passed" in done.stdout) == (0, True), done.stdout + done.stderr


def _options() -> list[str]:
    # A plugin of this environment, which the project has nothing to do with, says what it wants set.
    return ["-o", "asyncio_default_fixture_loop_scope=function", "-W", "error"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_serves_the_function(projects: Path, kind: KindName) -> None:
    """By the project's name; with its URL where it is for browsers."""
    [function] = configuration_at(projects / f"my-{kind}", Settings()).functions
    assert (function.name, function.handler) == (f"my-{kind}", "app.handler")
    assert function.task_root == str(projects / f"my-{kind}" / "src")
    assert (function.url is not None) == (kind in ("stream", "fastapi"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_is_clean(projects: Path, kind: KindName) -> None:
    """By the rules of this repository."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=E,F,W,I,UP,B,D1", "--line-length=120"]
    done = subprocess.run(command, cwd=projects / f"my-{kind}", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """Whatever it is."""
    (tmp_path / "mine").touch()
    with pytest.raises(ProjectRefused, match="is not empty"):
        write_project(tmp_path, "plain")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["two words", "a" * 65, "naïve", "a.b", "-x", "-", "_x"])
def test_a_name_has_to_be_one_of_a_function(tmp_path: Path, name: str) -> None:
    """Nothing is written for any other."""
    with pytest.raises(ProjectRefused, match="is no name for a function"):
        write_project(tmp_path / name, "plain")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["123", "0x1F", "true", "yes", "no", "null", "1_000", "Shop"])
def test_a_name_stays_a_name(tmp_path: Path, name: str) -> None:
    """In the template it is no number and no truth."""
    write_project(tmp_path / name, "plain")
    [function] = configuration_at(tmp_path / name, Settings()).functions
    assert function.name == name
    assert f'FunctionName: "{name}"' in (tmp_path / name / "template.yaml").read_text()


@pytest.mark.parametrize(("name", "tag"), [("Shop", "shop"), ("a___B-_c-", "a-b-c"), ("1_000", "1-000")])
def test_the_image_is_called_as_docker_takes_it(name: str, tag: str) -> None:
    """In lower case, and with a single dash between the words."""
    assert f"\ndocker build -t {tag} .\n" in project_files(name, "plain")["README.md"]


def test_what_a_project_needs_comes_before_it_is_served() -> None:
    """Its README says so in this order."""
    readme = project_files("hello", "fastapi")["README.md"]
    assert "```sh\npip install -r src/requirements.txt\npilotlight serve\n```" in readme


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("plain", '{"message": "Hello, Ada!"}\n'),
        ("async", '{"messages": ["Hello, Ada!", "Hello, Bob!"]}\n'),
        ("stream", "line 1\nline 2\nline 3\n"),
        ("fastapi", '{"message":"Hello, Ada!"}'),
    ],
)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: the READMEs are written in it")
def test_the_call_of_its_readme_is_answered(projects: Path, kind: KindName, answer: str) -> None:
    """By what `pilotlight serve` makes of its folder."""
    folder = projects / f"my-{kind}"
    serve, call, *_ = re.findall(r"```sh\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert serve.endswith("pilotlight serve\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with pilotlight(folder) as server:
        call = call.replace("http://127.0.0.1:9000", server.url)
        call = call.replace("pilotlight invoke", f"pilotlight invoke --endpoint {server.url}")
        done = subprocess.run(
            ["bash", "-euc", call], env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60
        )
    assert (done.returncode, done.stdout) == (0, answer), done.stderr


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "hello").touch()
    with pytest.raises(ProjectRefused, match="hello: File exists"):
        write_project(tmp_path / "hello", "plain")
