"""`pilotlight layer build` and `pilotlight package`: files, summaries and exit codes."""

import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runtime_api.cli.main import cli

RUNNING = f"3.{sys.version_info[1]}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pilotlight(*arguments: str) -> Result:
    """Run a command."""
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_layer_and_its_summary(here: Path) -> None:
    """What it is, how large, and the command that publishes it, in one line each."""
    result = pilotlight("layer", "build")
    assert result.return_value == 0
    assert zipfile.is_zipfile(here / "pilotlight-wrapper.zip")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "file pilotlight-wrapper.zip"
    assert lines[1].startswith("zipped 1")
    assert lines[1].endswith(" kB of 50.0 MB")
    assert "Set AWS_LAMBDA_EXEC_WRAPPER=/opt/pilotlight-wrapper on the function." in lines
    assert lines[-1] == (
        f"aws lambda publish-layer-version --layer-name pilotlight --compatible-runtimes python{RUNNING} "
        "--zip-file fileb://pilotlight-wrapper.zip"
    )


def test_a_layer_for_a_python_that_was_named(here: Path) -> None:
    """The name of the zip says which, so that one for another does not take its place."""
    assert pilotlight("layer", "build", "--python", sys.executable, "--python", sys.executable).return_value == 0
    assert [path.name for path in here.iterdir()] == [f"pilotlight-wrapper-python{RUNNING}.zip"]


def test_a_layer_that_cannot_be_built(here: Path) -> None:
    """Exit code 3, the reason on standard error, and no file."""
    result = pilotlight("layer", "build", "--kind", "runtime", "--python", "python3.99")
    assert (result.return_value, result.stdout) == (3, "")
    assert result.stderr.startswith("pilotlight: there is no interpreter 'python3.99'")
    result = pilotlight("layer", "build", "--output", "nowhere/layer.zip")
    assert (result.return_value, result.stderr[:39]) == (3, "pilotlight: nowhere/layer.zip cannot be")
    assert list(here.iterdir()) == []


def test_a_package_and_its_summary(here: Path) -> None:
    """It is named after the folder and lies where the command was run."""
    (here / "birds").mkdir()
    (here / "birds" / "app.py").write_text("def handler(event, context): ...\n")
    result = pilotlight("package", "birds", "--architecture", "arm64")
    assert result.return_value == 0
    with zipfile.ZipFile(here / "birds.zip") as archive:
        assert archive.namelist() == [f"__pycache__/app.{sys.implementation.cache_tag}.pyc", "app.py"]
    assert " ".join(result.stdout.splitlines()[4].split()) == "architecture arm64"
    assert result.stdout.endswith("aws lambda update-function-code --function-name NAME --zip-file fileb://birds.zip\n")


@pytest.mark.parametrize("arguments", [("layer", "build"), ("package",)])
def test_an_empty_name_of_the_zip_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    """As a variable that is not set leaves it."""
    result = CliRunner().invoke(cli, [*arguments, "--output", ""])
    assert (result.exit_code, "--output is empty: name a file, or leave it out" in result.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [("layer", "build"), ("package",)])
@pytest.mark.parametrize("output", ["nowhere/", "nowhere/."])
def test_a_folder_in_place_of_the_zip_is_wrong_usage(here: Path, arguments: tuple[str, ...], output: str) -> None:
    """No file is written under the name of one that does not exist."""
    result = CliRunner().invoke(cli, [*arguments, "--output", output])
    assert (result.exit_code, f"{output} is a folder that does not exist" in result.stderr) == (2, True)
    assert list(here.iterdir()) == []


def test_a_package_for_a_python_that_is_not_here(here: Path) -> None:
    """What can be done is said; it can be left uncompiled."""
    (here / "app.py").touch()
    result = pilotlight("package", "--python-version", "3.99")
    assert result.return_value == 3
    assert "Name one with --python, or leave compiled files out with --no-compile" in result.stderr
    result = pilotlight("package", "--python-version", "3.99", "--python", sys.executable)
    assert f"is Python {RUNNING} and cannot compile for 3.99" in result.stderr
    result = pilotlight("package", "--python-version", "3.99", "--no-compile", "--output", "f.zip")
    assert result.return_value == 0
