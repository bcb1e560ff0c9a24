from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.runtime_api.cli.conftest import Served

Serve = Callable[..., Served]
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_invoke_prints_the_result_and_with_tail_the_log(serve: Serve, pilotlight_command: Command, hello: Path) -> None:
    """The result alone is on stdout; --tail puts the log on stderr."""
    url = serve(str(hello)).url
    done = pilotlight_command("invoke", "hello", "-e", '{"name":"Ada"}', "--tail", "--endpoint", url)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"hello": "Ada"})
    assert [line.split()[0] for line in done.stderr.decode().splitlines()] == ["START", "called", "END", "REPORT"]
    quiet = pilotlight_command("invoke", "hello", "--endpoint", url)
    assert (quiet.returncode, quiet.stderr) == (0, b"")


def test_exit_codes_say_whose_fault_it_was(serve: Serve, pilotlight_command: Command, hello: Path) -> None:
    """1 for a function error, 2 for a call that is refused, 3 for what is not built or does not answer, 0 for a dry run."""
    url = serve(str(hello)).url
    failed = pilotlight_command("invoke", "hello", "-e", '{"raise": true}', "--endpoint", url)
    assert (failed.returncode, json.loads(failed.stdout)["errorType"]) == (1, "ValueError")
    unknown = pilotlight_command("invoke", "nobody", "--endpoint", url)
    assert unknown.returncode == 2
    assert b"ResourceNotFoundException" in unknown.stderr
    queued = pilotlight_command("invoke", "hello", "--async", "--endpoint", url)
    assert queued.returncode == 3
    assert b"not built" in queued.stderr
    dry = pilotlight_command("invoke", "hello", "--dry-run", "--endpoint", url)
    assert (dry.returncode, dry.stdout, dry.stderr) == (0, b"", b"")


def test_nobody_there_is_said_with_what_to_do(pilotlight_command: Command) -> None:
    """A refused connection names the endpoint and the command that is missing."""
    done = pilotlight_command("invoke", "hello", "--endpoint", "http://127.0.0.1:1")
    assert done.returncode == 3
    assert b"127.0.0.1:1" in done.stderr
    assert b"pilotlight serve" in done.stderr


def test_wrong_usage_of_invoke(pilotlight_command: Command) -> None:
    """What makes no sense is exit code 2."""
    assert pilotlight_command("invoke", "hello", "--endpoint", "nonsense").returncode == 2
    assert pilotlight_command("invoke", "hello", "--async", "--dry-run").returncode == 2
    assert pilotlight_command("invoke").returncode == 2
