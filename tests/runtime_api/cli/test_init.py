"""`pilotlight init` on the command line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from runtime_api.cli.init import command


def test_it_writes_a_project_and_says_how_to_go_on(tmp_path: Path) -> None:
    """The files on standard output, a line each."""
    done = CliRunner().invoke(command, [str(tmp_path / "hello"), "--kind", "async"], standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0)
    assert sorted(done.stdout.split()) == sorted(
        str(path) for path in (tmp_path / "hello").rglob("*") if path.is_file()
    )
    assert "pilotlight serve" in done.stderr


def test_what_it_depends_on_is_installed_first(tmp_path: Path) -> None:
    """Where it depends on something."""
    done = CliRunner().invoke(command, [str(tmp_path / "hello"), "--kind", "fastapi"], standalone_mode=False)
    assert "hello && pip install -r src/requirements.txt && pilotlight serve" in done.stderr


def test_a_name_that_is_none_is_wrong_usage() -> None:
    """Exit code 2, with what it may be."""
    done = CliRunner().invoke(command, ["--", "-x"])
    assert (done.exit_code, "of which a letter or digit comes first" in done.stderr) == (2, True)


def test_a_folder_that_is_not_empty_is_wrong_usage(tmp_path: Path) -> None:
    """Exit code 2, and nothing is touched."""
    (tmp_path / "mine").touch()
    done = CliRunner().invoke(command, [str(tmp_path)])
    assert (done.exit_code, "is not empty: name a new folder" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
