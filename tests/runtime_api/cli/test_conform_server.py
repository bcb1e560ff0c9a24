"""`pilotlight conform server` as a command; what it judges by is tested with the suite."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click import UsageError
from click.testing import CliRunner, Result

from runtime_api.cli.conform import command
from runtime_api.conformance.server_stage.target import ServerPace

# Takes calls, and answers each with a 500.
ALWAYS_500 = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_error(500)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def conform(*arguments: str) -> Result:
    """The command's result."""
    return CliRunner().invoke(command, ["server", *arguments], standalone_mode=False)


def test_the_list_has_every_case() -> None:
    """A line for each, with its features."""
    lines = conform("--list").output.splitlines()
    assert len([line for line in lines if line.startswith("SV-")]) >= 86
    assert any(line.startswith("SV-STRM-001") and line.endswith("[streaming]") for line in lines)


def test_one_case_is_explained() -> None:
    """With its level and where it comes from."""
    output = conform("--explain", "SV-TIME-001").output
    assert "SV-TIME-001 timeout" in output
    assert "level       MUST" in output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "say which server"),
        (("--url", "http://127.0.0.1:1", "--spawn", "true"), "say which server"),
        (("--url", "http://127.0.0.1:1"), "--url needs --task"),
        (("--spawn", "true", "-k", "nothing"), "no case is named by nothing"),
        (("--spawn", "true", "--feature", "magic"), "there is no feature magic"),
        (("--spawn", " "), "say which server"),
        (("--spawn", "a 'b"), "--spawn a 'b: No closing quotation"),
        (("--url", "https://127.0.0.1:1", "--task", "task"), "https://127.0.0.1:1 is no http:// URL"),
        (("--url", "http://h:99999", "--task", "task"), "no http:// URL of a server: Port out of range"),
        (("--url", "http://[::1", "--task", "task"), "http://[::1 is no http:// URL of a server: Invalid IPv6 URL"),
        (("--url", "http://127.0.0.1:1", "--task", "task", "--listen", "here"), "--listen here is no HOST:PORT"),
        (("--url", "http://127.0.0.1:1", "--task", "task", "--listen", "h:99999"), "--listen h:99999 is no HOST:PORT"),
        (("--url", "http://127.0.0.1:1", "--task", "nowhere"), "--task nowhere: there is no such folder; --prepare"),
        (("--explain", "RT-NEXT-001"), "names 0 cases: those of RT are in pilotlight conform runtime"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], told: str) -> None:
    """What is missing, and where to find it."""
    error = conform(*arguments).exception
    assert isinstance(error, UsageError)
    assert told in str(error)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--spawn", "/nowhere/server {port}"), "/nowhere/server: there is no such command"),
        (("--url", "http://127.0.0.1:1", "--task", "TASK"), "nobody takes connections at 127.0.0.1:1"),
    ],
)
def test_a_server_that_cannot_be_had_is_the_harnesss_failure(
    arguments: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    """Exit code 3, and the reason."""
    result = conform(*(str(tmp_path) if word == "TASK" else word for word in arguments))
    assert (result.return_value, told in result.output) == (3, True)


def test_a_command_that_starts_no_server_is_told_once() -> None:
    """Not once for every case."""
    result = conform("--spawn", "false")
    assert (result.return_value, result.stdout, result.stderr.count("\n")) == (3, "", 1)
    assert "it exited with status 1" in result.stderr


def test_the_function_is_written_for_a_server_that_runs(tmp_path: Path) -> None:
    """A bootstrap that can be started, in a folder that is named."""
    result = conform("--prepare", str(tmp_path / "task"))
    assert result.return_value == 0
    assert f"{tmp_path / 'task' / 'bootstrap'}" in result.output
    assert (tmp_path / "task" / "bootstrap").stat().st_mode & 0o111


def test_the_function_is_to_be_served_as_it_will_be_judged(tmp_path: Path) -> None:
    """With the name and the timeout of the options and the configuration."""
    config = tmp_path / "conform.toml"
    config.write_text('function = "mine"\n')
    prepare = ("--prepare", str(tmp_path / "task"))
    assert conform(*prepare).stdout.endswith(" as the function function, with a timeout of 3 s\n")
    told = conform(*prepare, "--config", str(config), "--timeout", "10").stdout
    assert told.endswith(" as the function mine, with a timeout of 10 s\n")


def test_a_function_of_ones_own_is_not_overwritten(tmp_path: Path) -> None:
    """It is said, and left as it is."""
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    result = conform("--prepare", str(tmp_path))
    assert (result.return_value, str(tmp_path / "bootstrap") in result.output) == (3, True)
    assert (tmp_path / "bootstrap").read_text() == "#!/bin/sh\n"


def test_a_server_that_fails_a_must_is_not_conformant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1; the results say what was seen."""
    monkeypatch.setattr("runtime_api.cli.conform_server.QUICK", ServerPace(patience_s=0.5))
    (tmp_path / "server.py").write_text(ALWAYS_500)
    spawn = f"{sys.executable} {tmp_path / 'server.py'} {{port}}"
    result = conform("--spawn", spawn, "-k", "SV-ASYN-001", "--feature", "async", "--format", "json")
    case = json.loads(result.stdout)["cases"][0]
    assert (result.return_value, case["status"], case["findings"][0]["expected"]) == (1, "fail", "202")
    assert case["findings"][0]["actual"].startswith("500")
