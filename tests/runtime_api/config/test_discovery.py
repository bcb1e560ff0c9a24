from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.config.configuration import configuration_at
from runtime_api.config.discovery import HANDLER_FILES, HANDLER_NAMES
from runtime_api.config.settings import Settings, read_variables
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.function.url_config import UrlConfig


def functions_at(path: Path, settings: Settings) -> list[Function]:
    """What is served of a path."""
    return list(configuration_at(path, settings).functions)


def write(path: Path, text: str = "def handler(event, context): ...\n") -> Path:
    """A file with this text, and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("file", HANDLER_FILES)
@pytest.mark.parametrize("name", HANDLER_NAMES)
def test_every_usual_file_and_name_is_found(tmp_path: Path, file: str, name: str) -> None:
    """A folder with one of the usual files and names is one function, named after the folder."""
    write(tmp_path / "my-func" / file, f"def {name}(event, context): ...\n")
    expected = Function(
        name="my-func",
        task_root=str(tmp_path / "my-func"),
        handler=f"{file.removesuffix('.py')}.{name}",
        url=UrlConfig(),
    )
    assert functions_at(tmp_path / "my-func", Settings()) == [expected]


@pytest.mark.parametrize(
    "source",
    [
        "async def handler(event, context): ...",
        "handler = print",
        "handler: object = print",
        "from elsewhere import main as handler",
        "class handler: ...",
        "def handler(:",
    ],
)
def test_a_handler_need_not_be_a_plain_function(tmp_path: Path, source: str) -> None:
    """Whatever binds the name at the top level counts, and a file with a syntax error is left to the runtime to report."""
    write(tmp_path / "app.py", source)
    assert functions_at(tmp_path, Settings())[0].handler == "app.handler"


def test_nested_names_do_not_count(tmp_path: Path) -> None:
    """A method or an inner function called handler is not the handler."""
    write(tmp_path / "app.py", "class A:\n    def handler(self): ...\n")
    with pytest.raises(InvalidFunction):
        functions_at(tmp_path, Settings())


def test_a_bootstrap_makes_a_provided_function(tmp_path: Path) -> None:
    """A file `bootstrap` wins over Python files beside it."""
    write(tmp_path / "bootstrap", "#!/bin/sh\n")
    write(tmp_path / "app.py")
    assert functions_at(tmp_path, Settings())[0].runtime == "provided"


def test_flags_win_over_what_is_found(tmp_path: Path) -> None:
    """A handler, a runtime or a command that is given is taken as it is."""
    write(tmp_path / "app.py")
    write(tmp_path / "bootstrap")
    assert functions_at(tmp_path, Settings(handler="other.main"))[0].handler == "other.main"
    assert functions_at(tmp_path, Settings(runtime="python"))[0].handler == "app.handler"
    command = functions_at(tmp_path, Settings(command=("node", "x.js")))[0]
    assert (command.runtime, command.command) == ("command", ("node", "x.js"))


def test_a_folder_of_folders_serves_each(tmp_path: Path) -> None:
    """Folders without a handler, hidden ones and caches are passed over."""
    write(tmp_path / "b" / "app.py")
    write(tmp_path / "a" / "main.py")
    write(tmp_path / "docs" / "readme.py", "x = 1")
    write(tmp_path / ".venv" / "app.py")
    write(tmp_path / "__pycache__" / "app.py")
    assert [function.name for function in functions_at(tmp_path, Settings())] == ["a", "b"]


def test_one_name_cannot_be_given_to_two_functions(tmp_path: Path) -> None:
    """--name with several functions is refused."""
    write(tmp_path / "a" / "app.py")
    write(tmp_path / "b" / "app.py")
    with pytest.raises(InvalidFunction, match="holds 2 functions"):
        functions_at(tmp_path, Settings(name="x"))


def test_nothing_found_says_what_was_looked_for(tmp_path: Path) -> None:
    """The message names every file and every name that would have done."""
    with pytest.raises(InvalidFunction) as refused:
        functions_at(tmp_path, Settings())
    for word in ("bootstrap", *HANDLER_FILES, *HANDLER_NAMES, "--handler", "--command", str(tmp_path)):
        assert word in str(refused.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A path that is not there is said to be missing."""
    with pytest.raises(InvalidFunction, match="no such folder"):
        functions_at(tmp_path / "nope", Settings())


def test_a_folder_name_becomes_a_legal_function_name(tmp_path: Path) -> None:
    """Characters a function's name cannot have become hyphens."""
    write(tmp_path / "my func.v2" / "app.py")
    assert functions_at(tmp_path / "my func.v2", Settings())[0].name == "my-func-v2"


def test_nothing_of_the_function_runs(tmp_path: Path) -> None:
    """Looking for the handler does not import the file."""
    write(tmp_path / "app.py", "raise SystemExit('imported')\ndef handler(e, c): ...\n")
    assert functions_at(tmp_path, Settings())[0].handler == "app.handler"


def test_variables_come_from_the_file_and_then_the_flags(tmp_path: Path) -> None:
    """Blank lines and comments are skipped; a flag wins; a value may contain '='."""
    file = write(tmp_path / "env", "# comment\n\nAA=1\nBB=x=y\n")
    assert read_variables(("AA=2",), file) == {"AA": "2", "BB": "x=y"}


def test_a_bad_variable_names_its_line(tmp_path: Path) -> None:
    """A line without '=', or with a name that cannot be one, is refused with its number."""
    for wrong in ("nonsense", "1ST=x", "AWS_REGION=x"):
        file = write(tmp_path / "env", f"AA=1\n{wrong}\n")
        with pytest.raises(InvalidFunction, match=f"^{file}, line 2: "):
            read_variables((), file)
