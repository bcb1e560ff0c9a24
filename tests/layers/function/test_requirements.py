"""Where a function says what it depends on."""

from pathlib import Path

import pytest

from layers.errors import SourceRefused
from layers.function.requirements import Requirements, check_python, maybe_requirements
from layers.function.target import Target


def test_a_lock_file_comes_before_a_list(tmp_path: Path) -> None:
    """And a file that is named before all."""
    found = []
    for name in ("pyproject.toml", "requirements.txt", "pylock.toml", "uv.lock"):
        (tmp_path / name).write_text("")
        requirements = maybe_requirements(tmp_path)
        found.append(requirements and requirements.file.name)
    assert found == [None, "requirements.txt", "pylock.toml", "uv.lock"]
    named = maybe_requirements(tmp_path, tmp_path / "requirements.txt")
    assert named == Requirements(tmp_path / "requirements.txt")


def test_a_project_lists_its_dependencies(tmp_path: Path) -> None:
    """Those of the [project] table."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\ndependencies = ["boto3>=1", "attrs"]\n')
    assert maybe_requirements(tmp_path) == Requirements(tmp_path / "pyproject.toml", ["boto3>=1", "attrs"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project", "cannot be read"),
        ("[project]\ndependencies = 1", "cannot be read"),
        ('[project]\ndynamic = ["dependencies"]', "leaves its dependencies to a build tool"),
        ("[tool.poetry]", r"has no \[project\] table: export the lock file"),
        ('[project]\ndependencies = ["a", "--target=/elsewhere"]', "has '--target=/elsewhere' among its dependencies"),
    ],
)
def test_a_project_that_does_not_say(tmp_path: Path, text: str, message: str) -> None:
    """Nothing is left out in silence."""
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "poetry.lock").touch()
    with pytest.raises(SourceRefused, match=message):
        maybe_requirements(tmp_path)


def test_a_project_of_poetry(tmp_path: Path) -> None:
    """Its table is not read, and so refused, but where it asks for Python alone."""
    file = tmp_path / "pyproject.toml"
    file.write_text('[tool.poetry.dependencies]\npython = "^3.12"\n')
    assert maybe_requirements(tmp_path) is None
    file.write_text('[tool.poetry.dependencies]\npython = "^3.12"\nboto3 = "*"\n')
    with pytest.raises(
        SourceRefused, match=r"has its dependencies in Poetry's table: write them to a requirements\.txt"
    ):
        maybe_requirements(tmp_path)


@pytest.mark.parametrize(("name", "text"), [("Pipfile", "[packages]\nboto3 = '*'\n"), ("Pipfile.lock", "{}")])
def test_a_project_of_pipenv(tmp_path: Path, name: str, text: str) -> None:
    """It is refused until its dependencies are where they are read."""
    (tmp_path / name).write_text(text)
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    with pytest.raises(SourceRefused, match=rf"{name} is read by Pipenv: .* \(pipenv requirements > requirements\.txt"):
        maybe_requirements(tmp_path)
    (tmp_path / "requirements.txt").touch()
    assert maybe_requirements(tmp_path) == Requirements(tmp_path / "requirements.txt")


def test_a_project_of_pipenv_without_dependencies(tmp_path: Path) -> None:
    """What it asks for to be tested is not the function's."""
    (tmp_path / "Pipfile").write_text("[dev-packages]\npytest = '*'\n")
    (tmp_path / "Pipfile.lock").write_text("{}")
    assert maybe_requirements(tmp_path) is None


def test_a_project_for_another_python(tmp_path: Path) -> None:
    """It is refused for this one, whether it has dependencies or not."""
    check_python(tmp_path, Target("3.11", "x86_64"))
    (tmp_path / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.12"\n')
    check_python(tmp_path, Target("3.12", "x86_64"))
    with pytest.raises(SourceRefused, match=r"asks for Python >=3\.12, and the function is for 3\.11"):
        check_python(tmp_path, Target("3.11", "x86_64"))


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    """It is named again."""
    with pytest.raises(SourceRefused, match=r"nowhere\.txt is not a file"):
        maybe_requirements(tmp_path, tmp_path / "nowhere.txt")
