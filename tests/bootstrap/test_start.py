"""From exec to the first `next`: paths, names, imports, failures to load."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from .fake_runtime_api import FakeRuntimeAPI, http_reply
from .function import BOOTSTRAP, ECHO, HAS_NAMESPACES, Function

OURS = (
    "adapter",
    "client",
    "context",
    "current",
    "errors",
    "handler",
    "logs",
    "loop",
    "payload",
    "report",
    "start",
    "wire",
)
ALLOWED = {"_pilotlight", "bootstrap", "app", "_socket", "_json"}
ALLOWED |= {f"_pilotlight.{name}" for name in OURS}


def test_nothing_is_imported_that_the_handler_did_not_ask_for(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Up to the first event the interpreter holds its own modules, ours, `_socket` and `_json`."""
    any_python.handler("import sys; return sorted(sys.modules)")
    api.event()
    bare = subprocess.run(
        [any_python.python, "-c", "import sys; print(*sys.modules)"],
        env=any_python.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(any_python.run().post.json()) - set(bare.stdout.split()) == ALLOWED


def test_the_function_comes_first_on_the_path_and_we_are_not_on_it(any_python: Function, api: FakeRuntimeAPI) -> None:
    """sys.path begins with the task root and holds nothing of the bootstrap."""
    any_python.handler("import sys; return sys.path")
    api.event()
    path = any_python.run().post.json()
    assert path[0] == str(any_python.root)
    assert str(BOOTSTRAP.parent) not in path


@pytest.fixture
def layered(any_python: Function, tmp_path: Path) -> Function:
    """A function that returns sys.path, with a .pth file of its own, and a layer with two folders for Python."""
    if not HAS_NAMESPACES:
        pytest.skip("needs to be root and mount namespaces")
    script = "import sys; print(f'lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages')"
    run = subprocess.run([any_python.python, "-c", script], capture_output=True, text=True, check=True)
    for folder in (any_python.root, tmp_path / "opt/python", tmp_path / "opt/python" / run.stdout.strip()):
        (folder / "vendor").mkdir(parents=True)
        (folder / "vendor.pth").write_text("vendor\n")
    any_python.handler("import sys; return [entry.replace(sys.prefix, '') for entry in sys.path]")
    any_python.mount(f"--bind {tmp_path / 'opt'} /opt")
    return any_python


def test_layers_come_after_the_task_root_and_before_the_library(layered: Function, api: FakeRuntimeAPI) -> None:
    """In the order of the managed runtime: folders first, what .pth files add last."""
    api.event()
    root = str(layered.root)
    first, second, third, *rest = layered.run().post.json()
    site = second.removeprefix("/opt/python/")
    assert (first, third) == (root, "/opt/python")
    assert re.fullmatch(r"lib/python3\.1\d/site-packages", site)
    assert rest[-3:] == [f"{root}/vendor", f"/opt/python/{site}/vendor", "/opt/python/vendor"]
    assert f"/{site}" in rest


def test_pythonpath_takes_the_place_of_layers(layered: Function, api: FakeRuntimeAPI) -> None:
    """Whoever sets it says all there is between the task root and the library; .pth files of the task root still count."""
    layered.environ["PYTHONPATH"] = "/theirs:/more"
    api.event()
    root = str(layered.root)
    path = layered.run().post.json()
    assert (path[:3], path[-1]) == ([root, "/theirs", "/more"], f"{root}/vendor")
    assert not [entry for entry in path if entry.startswith("/opt")]


def test_a_layer_may_hold_the_handler(layered: Function, api: FakeRuntimeAPI, tmp_path: Path) -> None:
    """It is found where the task root has none."""
    (tmp_path / "opt/python/shared.py").write_text(ECHO)
    layered.environ["_HANDLER"] = "shared.handler"
    api.event(b"1")
    assert layered.run().post.body == b"1"


@pytest.mark.parametrize("name", ["package/module.handler", "package.module.handler", "package/deep/module.handler"])
def test_a_handler_may_live_in_folders(any_python: Function, api: FakeRuntimeAPI, name: str) -> None:
    """Either separator; a folder needs no __init__.py."""
    any_python.write(ECHO, name.rpartition(".")[0].replace(".", "/") + ".py")
    any_python.environ["_HANDLER"] = name
    api.event(b"1")
    assert any_python.run().post.body == b"1"


def test_a_handler_may_be_a_package(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Its __init__.py is the module."""
    any_python.write(ECHO, "package/__init__.py")
    any_python.environ["_HANDLER"] = "package.handler"
    api.event(b"1")
    assert any_python.run().post.body == b"1"


def test_children_find_the_environment_of_the_function(function: Function, api: FakeRuntimeAPI) -> None:
    """Nothing is added for them, and nothing of what is there for the runtime alone is left."""
    function.handler("import os; return dict(os.environ)")
    function.environ["_PILOTLIGHT_WRAPPED"] = "1"
    api.event()
    expected = {name: value for name, value in function.environ.items() if name != "_PILOTLIGHT_WRAPPED"}
    seen = function.run().post.json()
    assert {name: value for name, value in seen.items() if name != "LC_CTYPE"} == expected  # Python's own


def test_the_working_folder_does_not_matter(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Code loads from LAMBDA_TASK_ROOT wherever the process is started."""
    any_python.write(ECHO)
    any_python.cwd = Path("/")
    api.event(b"5")
    assert any_python.run().post.body == b"5"


def test_every_public_name_belongs_to_the_function(any_python: Function, api: FakeRuntimeAPI) -> None:
    """A function may ship modules named like each of ours."""
    names = [path.stem for path in BOOTSTRAP.parent.glob("*.py") if not path.stem.startswith("__")]
    for name in [*names, "bootstrap", "runtime_api"]:
        any_python.write(f"NAME = 'mine: {name}'\n", f"{name}.py")
    imports = ", ".join([*names, "bootstrap", "runtime_api"])
    any_python.handler(f"import {imports}; return [module.NAME for module in ({imports})]")
    api.event()
    assert any_python.run().post.json() == [f"mine: {name}" for name in [*names, "bootstrap", "runtime_api"]]


@pytest.mark.parametrize("form", ["bootstrap.py", "bootstrap/__init__.py"])
def test_a_handler_may_live_in_a_module_called_bootstrap(function: Function, api: FakeRuntimeAPI, form: str) -> None:
    """The name of our folder is free for a handler as well."""
    function.write(ECHO, form)
    function.environ["_HANDLER"] = "bootstrap.handler"
    api.event(b"1")
    assert function.run().post.body == b"1"


def test_monitoring_tools_find_the_bootstrap_by_its_name(function: Function, api: FakeRuntimeAPI) -> None:
    """Without a `bootstrap` of the function that name is ours."""
    function.handler("import sys; return sys.modules['bootstrap'].__version__")
    api.event()
    assert function.run().post.json() == version("pilotlight")


def test_the_function_finds_no_arguments(any_python: Function, api: FakeRuntimeAPI) -> None:
    """sys.argv holds the program alone; the handler's name was ours."""
    any_python.handler("import sys; return sys.argv")
    any_python.command = [str(BOOTSTRAP), "app.handler"]
    api.event()
    assert any_python.run().post.json() == [str(BOOTSTRAP)]


def test_an_argument_wins_over_the_environment(any_python: Function, api: FakeRuntimeAPI) -> None:
    """As with `python -m awslambdaric app.handler`."""
    any_python.write(ECHO)
    any_python.command = [str(BOOTSTRAP), "app.handler"]
    any_python.environ["_HANDLER"] = "elsewhere.main"
    api.event(b"1")
    assert any_python.run().post.body == b"1"


def test_an_installed_package_starts_with_dash_m(any_python: Function, api: FakeRuntimeAPI, tmp_path: Path) -> None:
    """`python -m bootstrap app.handler` works, and does not take the function's own `bootstrap` away."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "bootstrap").symlink_to(BOOTSTRAP.parent)
    any_python.environ["PYTHONPATH"] = str(site)
    any_python.cwd = tmp_path
    any_python.write("NAME = 'mine'\n", "bootstrap.py")
    any_python.handler("import bootstrap, sys; return [event, bootstrap.NAME, len(sys.argv)]")
    any_python.command = ["-m", "bootstrap", "app.handler"]
    api.event(b"1")
    assert any_python.run().post.json() == [1, "mine", 1]


def test_a_spawned_child_does_not_start_a_second_runtime(function: Function, api: FakeRuntimeAPI) -> None:
    """multiprocessing imports the main file again in its children; that must do nothing."""
    function.write("""
        import multiprocessing

        def work(number):
            return number * 2

        def handler(event, context):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                return pool.map(work, [1, 2])
        """)
    api.event()
    assert function.run().post.json() == [2, 4]
    assert [request.method for request in api.requests] == ["GET", "POST", "GET"]


def test_vendored_pth_files_are_run(function: Function, api: FakeRuntimeAPI) -> None:
    """A .pth file in the task root adds its folder, as on the managed runtime."""
    function.write("WHERE = 'vendored'\n", "vendor/thing.py")
    function.write("vendor\n", "vendor.pth")
    function.handler("import thing; return thing.WHERE")
    api.event()
    assert function.run().post.json() == "vendored"


def test_global_code_runs_once_and_before_the_first_next(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The module is finished when the first event is asked for."""
    any_python.write(
        "print('loaded')\ncount = 0\ndef handler(event, context):\n    global count\n    count += 1; return count"
    )
    seen: list[str] = []
    api.reply(
        http_reply(200, {"Lambda-Runtime-Aws-Request-Id": "1"}, b"{}"), before=lambda: seen.append(any_python.stdout())
    )
    api.event()
    outcome = any_python.run()
    assert seen == ["loaded\n"]
    assert [post.json() for post in outcome.posts] == [1, 2]


def test_without_an_address_the_variable_is_named(any_python: Function) -> None:
    """A missing AWS_LAMBDA_RUNTIME_API is said in one line, without a traceback."""
    del any_python.environ["AWS_LAMBDA_RUNTIME_API"]
    outcome = any_python.run()
    assert outcome.status == 1
    assert outcome.stderr == "pilotlight: AWS_LAMBDA_RUNTIME_API must be set to host:port, it is ''\n"


def test_a_refused_connection_ends_the_process(function: Function) -> None:
    """Nobody listening is a status of 1 and a line that names the address."""
    function.write(ECHO)
    function.environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:1"
    outcome = function.run()
    assert outcome.status == 1
    assert outcome.stderr.startswith("pilotlight: cannot reach the Runtime API at 127.0.0.1:1: [Errno")


def test_an_ipv6_address_is_understood(function: Function) -> None:
    """Brackets hold an IPv6 address."""
    function.write(ECHO)
    function.environ["AWS_LAMBDA_RUNTIME_API"] = "[::1]:1"
    assert "cannot reach the Runtime API at [::1]:1: [Errno" in function.run().stderr


def test_nothing_warns_in_development_mode(function: Function, api: FakeRuntimeAPI) -> None:
    """Unclosed sockets and the like would show on stderr."""
    function.write(ECHO)
    function.environ |= {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"}
    api.event()
    api.event(b"bad")
    outcome = function.run()
    assert (len(outcome.posts), outcome.stderr) == (2, "")


def test_an_interpreter_without_the_c_module_works(function: Function, api: FakeRuntimeAPI) -> None:
    """Where `_json` is missing the Python code of `json` does the same."""
    function.write("import sys\nsys.modules['_json'] = None\n", "blocked/usercustomize.py")
    (function.root / "blocked" / "usercustomize.py").rename(function.root / "blocked" / "sitecustomize.py")
    function.environ["PYTHONPATH"] = str(function.root / "blocked")
    function.handler("from decimal import Decimal; return [event, Decimal('1.10'), 'ä', 1.5]")
    api.event(b'{"a": [1, null]}')
    api.event(b"[NaN]")
    first, second = function.run().posts
    assert first.body == b'[{"a": [1, null]}, 1.10, "\\u00e4", 1.5]'
    assert second.json()["errorType"] == "Runtime.UnmarshalError"


def test_the_version_is_the_one_of_the_distribution(function: Function, api: FakeRuntimeAPI) -> None:
    """The user agent names interpreter and release."""
    function.write(ECHO)
    api.event()
    function.run()
    python = ".".join(map(str, sys.version_info[:3]))
    agent = f"pilotlight-python/{python}-{version('pilotlight')}"
    assert {request.headers["user-agent"] for request in api.requests} == {agent}


def test_the_loop_is_fifteen_lines_at_most() -> None:
    """The heart of the bootstrap stays readable at a glance."""
    source = (BOOTSTRAP.parent / "loop.py").read_text()
    loop = source.partition("\ndef run(")[2].partition("\ndef ")[0]
    assert len(loop.strip().splitlines()) <= 15


LOAD_FAILURES = {
    "missing.main": ("Runtime.ImportModuleError", "Unable to import module 'missing': No module named 'missing'"),
    "a/b.main": ("Runtime.ImportModuleError", "Unable to import module 'a/b': No module named 'a'"),
    "app.nothing": ("Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
    "app.": ("Runtime.HandlerNotFound", "Handler '' missing on module 'app'"),
    "nodot": (
        "Runtime.MalformedHandlerName",
        "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)",
    ),
    "sys.exit": ("Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
    ".handler": ("Runtime.MalformedHandlerName", "Bad handler '.handler': it names no module"),
}


@pytest.mark.parametrize("name", LOAD_FAILURES)
def test_what_cannot_be_found_is_reported(any_python: Function, api: FakeRuntimeAPI, name: str) -> None:
    """One POST to /init/error in the words of AWS's runtime, no next, status 1."""
    any_python.write(ECHO)
    any_python.environ["_HANDLER"] = name
    outcome = any_python.run()
    error_type, message = LOAD_FAILURES[name]
    assert outcome.status == 1
    assert outcome.post.path == "/2018-06-01/runtime/init/error"
    assert outcome.post.headers["lambda-runtime-function-error-type"] == error_type
    assert list(outcome.post.json().items()) == [
        ("errorMessage", message),
        ("errorType", error_type),
        ("requestId", ""),
        ("stackTrace", []),
    ]
    assert len(api.requests) == 1


def test_a_syntax_error_names_file_and_line(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The place is in the stack trace."""
    any_python.write("x = 1\ndef handler(:\n")
    error = any_python.run().post.json()
    assert error["errorType"] == "Runtime.UserCodeSyntaxError"
    assert error["errorMessage"].startswith("Syntax error in module 'app': invalid syntax (app.py, line 2)")
    assert error["stackTrace"] == [f'  File "{any_python.root}/app.py" Line 2\n    def handler(:\n']


def test_an_exception_while_loading_is_reported_under_its_own_name(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The stack begins in the function's file: no frames of ours, none of the import system."""
    any_python.write("def connect():\n    raise LookupError('no table')\n\nconnect()\n")
    error = any_python.run().post.json()
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "no table")
    assert error["stackTrace"] == [
        f'  File "{any_python.root}/app.py", line 4, in <module>\n    connect()\n',
        f"  File \"{any_python.root}/app.py\", line 2, in connect\n    raise LookupError('no table')\n",
    ]


@pytest.mark.parametrize(
    ("statement", "name", "message", "status"),
    [
        ("sys.exit(3)", "SystemExit", "exit status 3", 3),
        ("sys.exit(0)", "SystemExit", "exit status 0", 1),
        ("sys.exit('no config')", "SystemExit", "no config", 1),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "", 130),
        ("raise GeneratorExit('x')", "GeneratorExit", "x", 1),
    ],
)
def test_nothing_ends_the_load_unreported(
    function: Function, api: FakeRuntimeAPI, statement: str, name: str, message: str, status: int
) -> None:
    """Not even an exit; its status is kept unless it would look like success."""
    function.write(f"import sys\n{statement}\n")
    outcome = function.run()
    error = outcome.post.json()
    assert (error["errorType"], error["errorMessage"], outcome.status) == (name, message, status)


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_refused_init_error_is_not_repeated(function: Function, api: FakeRuntimeAPI, status: int) -> None:
    """The process ends with status 1 whatever the platform says to the report."""
    function.write("raise ValueError")
    api.post_reply(http_reply(status, {}, b"no"))
    outcome = function.run()
    assert (outcome.status, len(outcome.posts)) == (1, 1)
    assert f"{status} no" in outcome.stderr


def test_a_hostile_class_name_cannot_add_a_header(function: Function, api: FakeRuntimeAPI) -> None:
    """Line ends and everything else that is not printable ASCII become question marks in the header only."""
    function.write("raise type('Bäd\\r\\nX-Evil: 1' + 'x' * 9000, (Exception,), {})('m')")
    post = function.run().post
    assert "x-evil" not in post.headers
    assert post.headers["lambda-runtime-function-error-type"].startswith("B?d??X-Evil: 1xxx")
    assert len(post.headers["lambda-runtime-function-error-type"]) == 256
    assert post.json()["errorType"].startswith("Bäd\r\nX-Evil: 1")


def test_a_failed_load_is_shown_in_the_log(function: Function, api: FakeRuntimeAPI) -> None:
    """One log event: carriage returns between lines, no-break spaces for indents."""
    function.write("raise ValueError('broken')")
    outcome = function.run()
    place = f'\u00a0\u00a0File "{function.root}/app.py", line 1, in <module>'
    source = "\u00a0\u00a0\u00a0\u00a0raise ValueError('broken')"
    assert outcome.stdout == f"[ERROR] ValueError: broken\rTraceback (most recent call last):\r{place}\r{source}\n"
    assert json.loads(outcome.post.body)["stackTrace"]
