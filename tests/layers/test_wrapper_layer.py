"""The wrapper layer: small, the same each time, and in the place of a managed runtime's own start script."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.servers import REPOSITORY
from layers.interpreter.probe import Interpreter
from layers.layer import Built
from layers.wrapper import build_wrapper_layer
from tests.bootstrap.fake_runtime_api import FakeRuntimeAPI
from tests.bootstrap.function import Function

from .bare_root import need_bubblewrap, unpack
from .conftest import need_python

# As the start script of a managed runtime does it: the message, the statuses and the order of the arguments are its own.
MANAGED = f"""#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python3.{sys.version_info[1]}
[ -z "$AWS_LAMBDA_EXEC_WRAPPER" ] && exec {sys.executable} /var/runtime/bootstrap.py
[ -f "$AWS_LAMBDA_EXEC_WRAPPER" ] || {{ echo "$AWS_LAMBDA_EXEC_WRAPPER: does not exist"; exit 127; }}
[ -x "$AWS_LAMBDA_EXEC_WRAPPER" ] || {{ echo "$AWS_LAMBDA_EXEC_WRAPPER: is not an executable"; exit 126; }}
exec "$AWS_LAMBDA_EXEC_WRAPPER" {sys.executable} OPTIONS /var/runtime/bootstrap.py
"""
AWSLAMBDARIC = "import os; from awslambdaric.__main__ import main; main(['', os.environ['_HANDLER']])"
WHO = """
import os, subprocess, sys
import shared
def handler(event, context):
    child = subprocess.run([sys.executable, "-c", "import sys; print(sys.path)"], capture_output=True, text=True)
    return {
        "runtimes": [name for name in ("_pilotlight", "awslambdaric") if name in sys.modules],
        "path": sys.path,
        "shared": shared.__file__,
        "PYTHONPATH": os.environ.get("PYTHONPATH"),
        "ours": sorted(name for name in os.environ if name.startswith("_PILOTLIGHT")),
        "argv": sys.argv,
        "optimize": sys.flags.optimize,
        "child": child.stdout,
    }
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, running: Interpreter) -> Built:
    """The layer for the interpreter that runs the tests."""
    return build_wrapper_layer(tmp_path_factory.mktemp("wrapper") / "layer.zip", [running])


@pytest.fixture
def managed(built: Built, function: Function, tmp_path: Path) -> Function:
    """A function on what looks like a managed runtime, with the layer in /opt and another one's module beside it."""
    pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    opt, runtime = tmp_path / "opt", tmp_path / "runtime"
    unpack(built.path, opt)
    (opt / "python").mkdir()
    (opt / "python" / "shared.py").touch()
    runtime.mkdir()
    (runtime / "bootstrap.py").write_text(AWSLAMBDARIC)
    start(function, "")
    function.write(WHO)
    told = ["--ro-bind", "/", "/", "--ro-bind", str(opt), "/opt", "--tmpfs", "/var", "--proc", "/proc", "--dev", "/dev"]
    told += [
        "--ro-bind",
        str(runtime),
        "/var/runtime",
        "--ro-bind",
        str(function.root),
        "/var/task",
        "--chdir",
        "/var/task",
    ]
    function.python, function.command = need_bubblewrap(), [*told, "--die-with-parent", "/var/runtime/bootstrap"]
    function.environ |= {"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime"}
    function.environ["AWS_LAMBDA_EXEC_WRAPPER"] = "/opt/pilotlight-wrapper"
    return function


def start(function: Function, options: str) -> None:
    """Write the start script, which gives the interpreter these options."""
    script = function.root.parent / "runtime" / "bootstrap"
    script.write_text(MANAGED.replace("OPTIONS", options))
    script.chmod(0o755)


def test_it_is_small_and_names_no_folder_of_this_machine(built: Built) -> None:
    """Far below the goal of 150 kB, and for every processor."""
    assert built.zipped_bytes <= 150_000
    with zipfile.ZipFile(built.path) as archive:
        assert oct(archive.getinfo("pilotlight-wrapper").external_attr >> 16) == "0o100755"
        contents = [archive.read(name) for name in archive.namelist()]
        manifest = json.loads(archive.read("pilotlight/manifest.json"))
    assert not [
        content for content in contents if str(REPOSITORY).encode() in content or sys.prefix.encode() in content
    ]
    assert (manifest["kind"], manifest["architecture"], manifest["glibc"]) == ("wrapper", "", "")
    named = {file["path"] for file in manifest["files"]}
    assert named | {"pilotlight/manifest.json", "pilotlight/contents.cdx.json"} == set(archive.namelist())


def test_two_builds_are_the_same_bytes(built: Built, running: Interpreter, tmp_path: Path) -> None:
    """Another folder, another time; naming a version twice changes nothing."""
    again = build_wrapper_layer(tmp_path / "again.zip", [running, running])
    assert again.path.read_bytes() == built.path.read_bytes()


def test_a_managed_runtime_without_the_variable_runs_its_own_client(managed: Function, api: FakeRuntimeAPI) -> None:
    """What looks like a managed runtime here is one."""
    del managed.environ["AWS_LAMBDA_EXEC_WRAPPER"]
    managed.environ["PYTHONPATH"] = "/var/task:/opt/python"
    api.event()
    assert managed.run().post.json()["runtimes"] == ["awslambdaric"]


def test_the_bootstrap_takes_the_place_of_the_start_script(managed: Function, api: FakeRuntimeAPI) -> None:
    """With the folders it would have set: function, layers, the runtime's packages and folder, library; and for children."""
    api.event()
    seen = managed.run().post.json()
    site = f"{sys.base_prefix}/lib/python3.{sys.version_info[1]}/site-packages"
    assert (seen["runtimes"], seen["ours"], seen["argv"]) == (["_pilotlight"], [], ["/opt/pilotlight/start.py"])
    assert seen["path"][:4] == ["/var/task", "/opt/python", site, "/var/runtime"]
    assert seen["shared"] == "/opt/python/shared.py"
    assert seen["PYTHONPATH"] == "/var/runtime"
    assert "'/var/runtime'" in seen["child"]


def test_whoever_sets_pythonpath_takes_over(managed: Function, api: FakeRuntimeAPI) -> None:
    """The layers' folders are not added then, as on the managed runtime."""
    managed.environ["PYTHONPATH"] = "/opt/python:/more"
    api.event()
    seen = managed.run().post.json()
    assert (seen["path"][:3], seen["PYTHONPATH"]) == (["/var/task", "/opt/python", "/more"], "/opt/python:/more")


def test_options_in_between_and_a_next_wrapper(managed: Function, api: FakeRuntimeAPI, tmp_path: Path) -> None:
    """The next one gets the whole command line, what others added included, with our script last."""
    start(managed, "-X utf8 -W ignore")
    wrapper = tmp_path / "task" / "next"
    wrapper.write_text('#!/bin/sh\necho "$@"\npython=$1; shift; exec "$python" -O "$@"\n')
    wrapper.chmod(0o755)
    managed.environ["PILOTLIGHT_EXEC_WRAPPER"] = "/var/task/next"
    api.event()
    outcome = managed.run()
    assert (outcome.post.json()["runtimes"], outcome.post.json()["optimize"]) == (["_pilotlight"], 1)
    assert outcome.stdout == f"{sys.executable} -X utf8 -W ignore /opt/pilotlight/start.py\n"


@pytest.mark.parametrize(
    ("mode", "status", "message"), [(None, 127, "does not exist"), (0o644, 126, "is not an executable")]
)
def test_a_next_wrapper_that_cannot_be_run(
    built: Built, tmp_path: Path, mode: int | None, status: int, message: str
) -> None:
    """The message and the status are those the managed runtime has for the first one."""
    opt, wrapper = unpack(built.path, tmp_path / "opt"), tmp_path / "a wrapper"
    if mode is not None:
        wrapper.touch(mode)
    done = subprocess.run(
        [opt / "pilotlight-wrapper", "python3", "script"],
        env={"PILOTLIGHT_EXEC_WRAPPER": str(wrapper)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, f"{wrapper}: {message}\n")


def test_arguments_arrive_as_they_are(built: Built, tmp_path: Path) -> None:
    """Spaces, quotes and empty ones included; only the last is replaced."""
    opt = unpack(built.path, tmp_path / "opt")
    command = [str(opt / "pilotlight-wrapper"), "printf", "<%s>", "a b", "", '"$x"', "/var/runtime/bootstrap.py"]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=True)
    assert done.stdout == '<a b><><"$x"></opt/pilotlight/start.py>'


def test_another_version_of_python_is_told_what_to_do(built: Built, tmp_path: Path) -> None:
    """It cannot read what was compiled for this one."""
    other = need_python("3.13" if sys.version_info[1] != 13 else "3.12")
    script = unpack(built.path, tmp_path / "opt") / "pilotlight" / "start.py"
    done = subprocess.run([other.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"pilotlight: the layer is for Python 3.{sys.version_info[1]}: build it with --python {other.minor}\n"
    )
