"""Where a function says what it depends on."""

from pathlib import Path

import pytest

from layers.errors import SourceRefused
from layers.function.requirements import Requirements, maybe_requirements


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
    ],
)
def test_a_project_that_does_not_say(tmp_path: Path, text: str, message: str) -> None:
    """Nothing is left out in silence."""
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "poetry.lock").touch()
    with pytest.raises(SourceRefused, match=message):
        maybe_requirements(tmp_path)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    """It is named again."""
    with pytest.raises(SourceRefused, match=r"nowhere\.txt is not a file"):
        maybe_requirements(tmp_path, tmp_path / "nowhere.txt")
