"""Requirements that would be built on this machine."""

from pathlib import Path

import pytest

from layers.errors import DependencyRefused, SourceRefused
from layers.function.built_here import check_nothing_is_built
from layers.function.requirements import Requirements
from layers.function.target import Target

TARGET = Target("3.13", "arm64")


@pytest.mark.parametrize(
    "line",
    [
        "./lib",
        ".",
        "lib/bird[fast]",
        "/srv/lib  # ours",
        "bird-1.0.tar.gz",
        "bird-1.0.zip",
        "-e ./lib",
        "--editable=lib",
        "git+https://example.org/bird.git@v1",
        "https://example.org/bird-1.0.tar.gz",
        "bird @ git+ssh://git@example.org/bird",
        "bird[fast] @ file:///srv/lib ; python_version > '3'",
    ],
)
def test_folders_archives_and_repositories_are_refused(tmp_path: Path, line: str) -> None:
    """Wherever they are written, with what to do."""
    file = tmp_path / "requirements.txt"
    file.write_text(f"attrs\n{line}\n")
    with pytest.raises(DependencyRefused, match=r"Build a wheel of it for Python 3\.13 on arm64 .* --find-links"):
        check_nothing_is_built(Requirements(file), TARGET)
    with pytest.raises(DependencyRefused, match=r"would be built here, for this machine"):
        check_nothing_is_built(Requirements(tmp_path / "pyproject.toml", ["attrs", line]), TARGET)


@pytest.mark.parametrize(
    "line",
    [
        "bird",
        "bird[fast]>=1,<2; python_version < '3.12'",
        "bird==1.0 \\\n  --hash=sha256:0a/",
        "# ./lib",
        "bird @",
        "",
        "--find-links ./wheels",
        "--extra-index-url https://example.org/simple",
        "./wheels/bird-1.0-py3-none-any.whl",
        "bird @ https://example.org/bird-1.0-py3-none-any.whl#sha256=00",
    ],
)
def test_names_and_wheels_are_not(tmp_path: Path, line: str) -> None:
    """Options neither."""
    (tmp_path / "requirements.txt").write_text(line)
    check_nothing_is_built(Requirements(tmp_path / "requirements.txt"), TARGET)


@pytest.mark.parametrize("option", ["-r more/base.txt", "--requirement=more/base.txt", "-c more/base.txt"])
def test_included_files_are_read(tmp_path: Path, option: str) -> None:
    """Also those that include each other."""
    (tmp_path / "more").mkdir()
    (tmp_path / "requirements.txt").write_text(f"{option}\n-r nowhere.txt\n")
    (tmp_path / "more" / "base.txt").write_text("-r ../requirements.txt\n./lib\n")
    with pytest.raises(DependencyRefused, match=r"^\./lib, which "):
        check_nothing_is_built(Requirements(tmp_path / "requirements.txt"), TARGET)


def test_a_lock_file_is_no_list(tmp_path: Path) -> None:
    """It has paths and addresses of another kind."""
    (tmp_path / "pylock.toml").write_text("./lib")
    check_nothing_is_built(Requirements(tmp_path / "pylock.toml"), TARGET)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(SourceRefused, match=r"requirements\.txt cannot be read: No such file"):
        check_nothing_is_built(Requirements(tmp_path / "requirements.txt"), TARGET)
