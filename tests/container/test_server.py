"""What the image's environment makes of the server in it."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from container.inside.server import WrongVariable, configuration, functions_own
from runtime_api.config.configuration import Configuration, configuration_at
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.url_config import UrlConfig
from tests.container.folders import CONTAINER, INSIDE


def read(tmp_path: Path, environment: Mapping[str, str], handler: str = "app.handler") -> Configuration:
    """What `pilotlight serve` makes of the file."""
    file = tmp_path / "pilotlight.toml"
    file.write_text(configuration(handler, environment, str(tmp_path), str(tmp_path / "opt")))
    return configuration_at(file, Settings())


def test_nothing_has_to_be_said(tmp_path: Path) -> None:
    """The port, the name and the limits are then those of AWS's own images."""
    found = read(tmp_path, {})
    [function] = found.functions
    assert (function.name, function.handler, function.timeout_ms, function.memory_mb) == (
        "function",
        "app.handler",
        300_000,
        3008,
    )
    assert (found.server["host"], found.server["port"], found.server["account_concurrency"]) == ("0.0.0.0", 8080, 10)
    assert function.url == UrlConfig(invoke_mode="BUFFERED")


def test_variables_say_otherwise(tmp_path: Path) -> None:
    """Each its own thing."""
    found = read(
        tmp_path,
        {
            "PORT": "9999",
            "PILOTLIGHT_POOL": "2",
            "PILOTLIGHT_QUEUE": "nats://nats:4222",
            "PILOTLIGHT_DRAIN_TIMEOUT": "7",
            "PILOTLIGHT_URL_INVOKE_MODE": "RESPONSE_STREAM",
            "AWS_LAMBDA_FUNCTION_NAME": "hello",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "5",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_DEFAULT_REGION": "eu-central-1",
        },
    )
    [function] = found.functions
    assert (function.name, function.timeout_ms, function.memory_mb) == ("hello", 5000, 256)
    said = [found.server[name] for name in ("port", "account_concurrency", "drain_timeout", "region")]
    assert said == [9999, 2, 7, "eu-central-1"]
    assert found.server["queue"]
    assert function.url == UrlConfig(invoke_mode="RESPONSE_STREAM")


@pytest.mark.parametrize(
    "value", ["plain", 'quoted "so"', "two\nlines", "back\\slash", "ünïcödé 🎉", "del\x7f", "a\tb", ""]
)
def test_a_value_arrives_as_it_is(tmp_path: Path, value: str) -> None:
    """In the function's environment, whatever it has in it."""
    [function] = read(tmp_path, {"VALUE": value}).functions
    assert function.environment == {"VALUE": value}


def test_what_is_the_containers_own_stays_there() -> None:
    """The function gets what whoever runs the container said beside it."""
    own = {"TABLE": "orders", "AWS_ACCESS_KEY_ID": "key", "AWS_LAMBDA_LOG_FORMAT": "JSON"}
    others = {"PATH": "/bin", "HOME": "/", "PORT": "1", "PILOTLIGHT_POOL": "1", "_": "sh", "X": "1", "AWS_REGION": "r"}
    assert functions_own({**own, **others}) == own


def test_extensions_are_a_layer(tmp_path: Path) -> None:
    """What is in /opt/extensions is started, as on Lambda."""
    (tmp_path / "opt" / "extensions").mkdir(parents=True)
    assert read(tmp_path, {}).functions[0].layers == ()
    (tmp_path / "opt" / "extensions" / "one").touch()
    assert read(tmp_path, {}).functions[0].layers == (str(tmp_path / "opt"),)


def test_a_template_of_the_functions_own_is_not_read(tmp_path: Path) -> None:
    """The image is one function, whatever its folder declares."""
    (tmp_path / "template.yaml").write_text("nonsense")
    assert read(tmp_path, {}, "other.handler").functions[0].handler == "other.handler"


@pytest.mark.parametrize("name", ["PORT", "PILOTLIGHT_POOL", "PILOTLIGHT_DRAIN_TIMEOUT", "AWS_LAMBDA_FUNCTION_TIMEOUT"])
@pytest.mark.parametrize("value", ["tcp://10.0.0.1:80", "-1", "1_0", " 1", "1.5"])
def test_a_number_has_to_be_one(name: str, value: str) -> None:
    """Else the variable is named, before anything is served."""
    with pytest.raises(WrongVariable, match=name):
        configuration("app.handler", {name: value}, "/var/task", "/opt")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PILOTLIGHT_POOL", "0"),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "0"),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "1000"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "no name"),
        ("PILOTLIGHT_URL_INVOKE_MODE", "STREAM"),
        ("AWS_REGION", "eu central"),
        ("AWS_DEFAULT_REGION", "eu central"),
        ("PILOTLIGHT_QUEUE", "redis://queue"),
        ("PILOTLIGHT_QUEUE", "nats://queue?wait=1"),
        ("TABLE", "\udcff"),
    ],
)
def test_what_cannot_be_is_named(name: str, value: str) -> None:
    """Whoever runs the container knows its variables, and no file and no flags of ours."""
    with pytest.raises(WrongVariable, match=name):
        configuration("app.handler", {name: value}, "/var/task", "/opt")


def test_too_many_variables_are_said() -> None:
    """As what they are, the function's: no one of them is wrong."""
    with pytest.raises(WrongVariable, match=r"^the function's environment: 5012 bytes as JSON, Lambda allows 4096$"):
        configuration("app.handler", {"TABLE": "x" * 5000}, "/var/task", "/opt")


@pytest.mark.parametrize("address", ["redis://me:secret@queue", "nats://me:secret/with,more@queue", "me:se?cret@queue"])
def test_the_password_of_a_queue_is_not_said(address: str) -> None:
    """Logs are read by more people than secrets are."""
    with pytest.raises(WrongVariable, match="PILOTLIGHT_QUEUE: ") as refused:
        configuration("app.handler", {"PILOTLIGHT_QUEUE": address}, "/var/task", "/opt")
    assert [part for part in ("secret", "cret", "with", "more", "me:") if part in str(refused.value)] == []


@pytest.fixture
def server(tmp_path: Path) -> Callable[[str], subprocess.Popen[bytes]]:
    """Starts it with a program of the test's in the place of ours, and a folder for /tmp/pilotlight."""

    def start(source: str, folder: Path = tmp_path / "folder") -> subprocess.Popen[bytes]:
        (tmp_path / "entry.py").write_text(source)
        (tmp_path / "server.py").write_text((INSIDE / "server.py").read_text().replace("/tmp/pilotlight", str(folder)))
        command = [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path[0:0] = [{str(tmp_path)!r}, {str(CONTAINER.parent)!r}]\n"
            "import entry, server; sys.modules['runtime_api.cli.entry'] = entry; server.main()",
        ]
        environment = {"LAMBDA_TASK_ROOT": "/var/task"}
        return subprocess.Popen(
            [*command, "app.handler"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_heard_while_it_starts(server: Callable[[str], subprocess.Popen[bytes]], number: int) -> None:
    """As the first process of a container it would be lost otherwise, and the engine wait until it may kill."""
    with server("import time\ndef main():\n    print('loading', flush=True)\n    time.sleep(60)\n") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"loading\n"
        process.send_signal(number)
        assert process.wait() == 128 + number


def test_a_tmp_that_cannot_be_written_is_said(server: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "file").touch()
    with server("", tmp_path / "file" / "folder") as process:
        _, said = process.communicate()
    assert (process.returncode, said.count(b"\n")) == (2, 1)
    assert b"the container needs a /tmp of its own" in said


def imported(statements: list[ast.stmt]) -> set[str]:
    """The packages that are imported at once."""
    direct = {name.name for one in statements if isinstance(one, ast.Import) for name in one.names}
    parts = {one.module or "" for one in statements if isinstance(one, ast.ImportFrom)}
    return {name.partition(".")[0] for name in direct | parts}


def test_it_is_the_standard_library_only() -> None:
    """What it starts with: it hears signals before the platform's packages are loaded."""
    for file in ("server.py", "healthcheck.py"):
        assert imported(ast.parse((INSIDE / file).read_text()).body) - sys.stdlib_module_names == set()
