"""A program of the function that starts the runtime in its own way."""

from pathlib import Path

import pytest

from .fake_runtime_api import FakeRuntimeAPI
from .function import BOOTSTRAP, Function

SEEN = """
import os, sys
seen = {name: os.environ.get(name) for name in ("ADDED", "AWS_LAMBDA_EXEC_WRAPPER", "_PILOTLIGHT_WRAPPED")}
def handler(event, context):
    return [seen["ADDED"], seen["_PILOTLIGHT_WRAPPED"], sys.flags.optimize, sorted(sys._xoptions), sys.argv, __name__]
"""


def wrap(function: Function, script: str) -> None:
    """Make a shell script the wrapper of the function."""
    path = function.root / "wrapper"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    function.environ["AWS_LAMBDA_EXEC_WRAPPER"] = str(path)


def test_a_wrapper_changes_environment_and_options(any_python: Function, api: FakeRuntimeAPI) -> None:
    """It finds the interpreter first and the script last among its arguments; it runs once and leaves no trace."""
    any_python.write(SEEN)
    wrap(any_python, 'export ADDED=$#; python=$1; shift; echo once; exec "$python" -O "$@"')
    any_python.command = ["-X", "utf8", str(BOOTSTRAP), "app.handler"]
    api.event()
    outcome = any_python.run()
    assert outcome.post.json() == ["4", None, 1, ["utf8"], [str(BOOTSTRAP)], "app"]
    assert outcome.stdout == "once\n"


@pytest.mark.parametrize("arguments", [[], ["app.handler"]])
def test_a_wrapper_may_put_a_handler_of_its_own_in_front(
    any_python: Function, api: FakeRuntimeAPI, arguments: list[str]
) -> None:
    """As tracing layers do: they keep the name of the original one and import it themselves."""
    any_python.write("def handler(event, context):\n    return ['original', event]\n")
    any_python.write(
        """
        import importlib, os
        module, name = os.environ["ORIG_HANDLER"].rsplit(".", 1)
        original = getattr(importlib.import_module(module), name)
        def handler(event, context):
            return ["traced", original(event, context)]
        """,
        "tracing.py",
    )
    wrap(any_python, 'export ORIG_HANDLER=$_HANDLER _HANDLER=tracing.handler; exec "$@"')
    any_python.command += arguments
    api.event(b"1")
    assert any_python.run().post.json() == ["traced", ["original", 1]]


def test_a_wrapper_may_insert_options_before_the_last_argument(function: Function, api: FakeRuntimeAPI) -> None:
    """Which is what the example in AWS's documentation does."""
    function.write(SEEN)
    wrap(function, 'for last; do :; done; exec "$1" -O "$last"')
    function.command.append("app.handler")
    api.event()
    assert function.run().post.json()[2] == 1


def test_a_wrapper_need_not_become_the_runtime(function: Function, api: FakeRuntimeAPI) -> None:
    """One that runs it as a child is not started again by it."""
    function.write(SEEN)
    wrap(function, 'unset AWS_LAMBDA_EXEC_WRAPPER; "$@" & trap "kill $!; exit 0" TERM; wait $!; wait $!')
    api.event()
    outcome = function.run()
    assert (outcome.post.json()[1], outcome.status) == (None, 0)


def test_the_installed_package_is_wrapped_as_a_script(function: Function, api: FakeRuntimeAPI, tmp_path: Path) -> None:
    """`python -m` would not survive an option put before its last argument."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "bootstrap").symlink_to(BOOTSTRAP.parent)
    function.environ["PYTHONPATH"] = str(site)
    function.write(SEEN)
    wrap(function, 'for last; do :; done; exec "$1" -O "$last"')
    function.command = ["-m", "bootstrap", "app.handler"]
    api.event()
    assert function.run().post.json()[4] == [f"{site}/bootstrap/__main__.py"]


def test_a_missing_wrapper_ends_the_process(any_python: Function, api: FakeRuntimeAPI) -> None:
    """With the message and the status of AWS's runtimes."""
    any_python.environ["AWS_LAMBDA_EXEC_WRAPPER"] = "/opt/nowhere"
    outcome = any_python.run()
    assert (outcome.status, outcome.stderr, api.requests) == (127, "/opt/nowhere: does not exist\n", [])


def test_a_wrapper_must_be_executable(any_python: Function, api: FakeRuntimeAPI) -> None:
    """A file without the permission is said to be none, also to root."""
    wrap(any_python, "")
    path = any_python.root / "wrapper"
    path.chmod(0o644)
    outcome = any_python.run()
    assert (outcome.status, outcome.stderr, api.requests) == (126, f"{path}: is not an executable\n", [])


def test_a_wrapper_the_system_cannot_run_ends_the_process(function: Function) -> None:
    """There is no second attempt in another way."""
    wrap(function, "")
    path = function.root / "wrapper"
    path.write_bytes(b"\x00neither program nor script")
    outcome = function.run()
    assert (outcome.status, outcome.stderr) == (126, f"{path}: Exec format error\n")


def test_an_empty_variable_names_no_wrapper(function: Function, api: FakeRuntimeAPI) -> None:
    """It reads like one that is not set."""
    function.write(SEEN)
    function.environ["AWS_LAMBDA_EXEC_WRAPPER"] = ""
    api.event()
    assert function.run().post.json()[0] is None
