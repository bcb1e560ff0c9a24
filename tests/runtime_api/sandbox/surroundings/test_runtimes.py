from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.surroundings.folders import Folders
from runtime_api.sandbox.surroundings.runtimes import (
    BOOTSTRAP_FOLDER,
    InterpreterUnusable,
    Launch,
    LaunchFailed,
    interpreter_prefixes,
    interpreter_version,
    resolve_launch,
)

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def launch(task_root: Path, **members: Any) -> Launch:  # noqa: ANN401  (any member of Function)
    """How a function of this task root is started where it is."""
    folders = Folders(str(task_root), "/opt", str(BOOTSTRAP_FOLDER))
    return resolve_launch(Function(name="hello", task_root=str(task_root), **members), folders)


def launch_inside(task_root: Path, layers: Path | None = None, **members: Any) -> Launch:  # noqa: ANN401
    """How it is started where the documented folders are real."""
    folders = Folders("/var/task", "/opt", "/var/runtime", layers=str(layers) if layers is not None else None)
    return resolve_launch(Function(name="hello", task_root=str(task_root), **members), folders)


def test_python_runs_our_bootstrap_by_its_path(tmp_path: Path) -> None:
    """Never by -m: a task root may have a bootstrap of its own."""
    made = launch(tmp_path, handler="app.handler")
    assert made.argv[0] == sys.executable
    assert Path(made.argv[1]).parts[-2:] == ("bootstrap", "__main__.py")
    assert made.execution_env == f"AWS_Lambda_python{VERSION}"


def test_another_interpreter_is_asked_for_its_version(tmp_path: Path) -> None:
    """What it says goes into AWS_EXECUTION_ENV."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 3.99\necho /prefix\necho /base\n")
    python.chmod(0o755)
    made = launch(tmp_path, handler="app.handler", python=str(python))
    assert (made.argv[0], made.execution_env) == (str(python), "AWS_Lambda_python3.99")
    assert interpreter_prefixes(str(python)) == ("/prefix", "/base")


def test_an_interpreter_named_without_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked up where the platform runs, not in the sandbox."""
    python = tmp_path / "python3.98"
    python.write_text("#!/bin/sh\necho 3.98\necho /prefix\necho /base\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert launch(tmp_path, handler="app.handler", python="python3.98").argv[0] == str(python)


def test_paths_are_those_the_sandbox_sees(tmp_path: Path) -> None:
    """Looked up here, started there."""
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    (tmp_path / "bootstrap").chmod(0o755)
    assert launch_inside(tmp_path, handler="app.handler").argv == (sys.executable, "/var/runtime/__main__.py")
    assert launch_inside(tmp_path, runtime="provided").argv == ("/var/task/bootstrap",)
    assert launch_inside(tmp_path, runtime="command", command=("bin/run", "x")).argv == ("/var/task/bin/run", "x")


def test_a_bootstrap_of_a_layer(tmp_path: Path) -> None:
    """Taken when the function has none of its own; a folder of that name is none."""
    (tmp_path / "task" / "bootstrap").mkdir(parents=True)
    (tmp_path / "layers").mkdir()
    with pytest.raises(LaunchFailed) as failed:
        launch_inside(tmp_path / "task", tmp_path / "layers", runtime="provided")
    assert str(failed.value) == "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    (tmp_path / "layers" / "bootstrap").write_text("#!/bin/sh\n")
    (tmp_path / "layers" / "bootstrap").chmod(0o755)
    assert launch_inside(tmp_path / "task", tmp_path / "layers", runtime="provided").argv == ("/opt/bootstrap",)


def test_a_program_of_a_layer(tmp_path: Path) -> None:
    """By its path in /opt, wherever that is, or by its name."""
    (tmp_path / "layers" / "bin").mkdir(parents=True)
    program = tmp_path / "layers" / "bin" / "run-it"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for word in ("run-it", "/opt/bin/run-it"):
        members: dict[str, Any] = {"runtime": "command", "command": (word, "x")}
        assert launch_inside(tmp_path, tmp_path / "layers", **members).argv == ("/opt/bin/run-it", "x")
        plain = Folders(str(tmp_path), str(tmp_path / "layers"), "/var/runtime", layers=str(tmp_path / "layers"))
        function = Function(name="f", task_root=str(tmp_path), **members)
        assert resolve_launch(function, plain).argv == (str(program), "x")


@pytest.mark.parametrize("script", [None, "#!/bin/sh\nexit 1\n"], ids=["missing", "failing"])
def test_an_interpreter_that_cannot_be_used(tmp_path: Path, script: str | None) -> None:
    """That is no fault of the function: it has an error of its own."""
    python = tmp_path / "python"
    if script:
        python.write_text(script)
        python.chmod(0o755)
    with pytest.raises(InterpreterUnusable, match="cannot be used"):
        interpreter_version(str(python))


def test_provided_runs_the_task_roots_bootstrap(tmp_path: Path) -> None:
    """An executable file called bootstrap; no AWS_EXECUTION_ENV."""
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_text("#!/bin/sh\n")
    bootstrap.chmod(0o755)
    assert launch(tmp_path, runtime="provided") == Launch((str(bootstrap),), None)


def test_provided_without_a_bootstrap(tmp_path: Path) -> None:
    """The service's words."""
    with pytest.raises(LaunchFailed) as failed:
        launch(tmp_path, runtime="provided")
    assert str(failed.value) == f"Couldn't find valid bootstrap(s): [{tmp_path}/bootstrap]"


def test_provided_with_a_folder_for_a_bootstrap(tmp_path: Path) -> None:
    """A folder is not a program."""
    (tmp_path / "bootstrap").mkdir()
    with pytest.raises(LaunchFailed, match=r"Couldn't find valid bootstrap\(s\)"):
        launch(tmp_path, runtime="provided")


def test_provided_with_a_bootstrap_that_is_not_executable(tmp_path: Path) -> None:
    """The way out is in the message."""
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    (tmp_path / "bootstrap").chmod(0o644)
    with pytest.raises(LaunchFailed) as failed:
        launch(tmp_path, runtime="provided")
    assert str(failed.value) == (f"fork/exec {tmp_path}/bootstrap: permission denied (is it executable? chmod 755)")


def test_a_command_is_looked_up(tmp_path: Path) -> None:
    """A bare name on PATH, a path from the task root, an absolute one as it is."""
    assert launch(tmp_path, runtime="command", command=("sh", "-c", "x")).argv[1:] == ("-c", "x")
    assert Path(launch(tmp_path, runtime="command", command=("sh",)).argv[0]).is_absolute()
    assert launch(tmp_path, runtime="command", command=("./bin/run",)).argv == (str(tmp_path / "bin/run"),)
    assert launch(tmp_path, runtime="command", command=("/bin/sh",)).argv == ("/bin/sh",)


def test_a_command_nobody_has(tmp_path: Path) -> None:
    """Named in the message."""
    with pytest.raises(LaunchFailed) as failed:
        launch(tmp_path, runtime="command", command=("no-such-program-here",))
    assert str(failed.value) == "exec: 'no-such-program-here': executable file not found in $PATH"


def test_a_task_root_that_is_not_there(tmp_path: Path) -> None:
    """Said of the folder, not of the program."""
    with pytest.raises(LaunchFailed) as failed:
        launch(tmp_path / "gone", handler="app.handler")
    assert str(failed.value) == f"chdir {tmp_path}/gone: no such file or directory"
