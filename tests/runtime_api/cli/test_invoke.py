from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from tests.runtime_api.cli.conftest import PILOTLIGHT, Served

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
    """1 for a function error, 2 for a call that is refused, 0 for a dry run."""
    url = serve(str(hello)).url
    failed = pilotlight_command("invoke", "hello", "-e", '{"raise": true}', "--endpoint", url)
    assert (failed.returncode, json.loads(failed.stdout)["errorType"]) == (1, "ValueError")
    unknown = pilotlight_command("invoke", "nobody", "--endpoint", url)
    assert unknown.returncode == 2
    assert b"ResourceNotFoundException" in unknown.stderr
    dry = pilotlight_command("invoke", "hello", "--dry-run", "--endpoint", url)
    assert (dry.returncode, dry.stdout, dry.stderr) == (0, b"", b"")


def test_an_event_is_handed_in(serve: Serve, pilotlight_command: Command, hello: Path, tmp_path: Path) -> None:
    """Its request id is printed, the function runs under it, and a second server is kept from the folder."""
    served = serve(str(hello), "--data-dir", str(tmp_path / "data"))
    queued = pilotlight_command("invoke", "hello", "--async", "-e", "{}", "--endpoint", served.url)
    assert (queued.returncode, queued.stderr) == (0, b"")
    second = pilotlight_command("serve", str(hello), "--port", "0", "--data-dir", str(tmp_path / "data"))
    assert second.returncode == 3
    assert b"belong to another server that is running" in second.stderr
    _, log = served.end()
    assert f"END RequestId: {queued.stdout.decode().strip()}" in log


def test_a_stream_is_printed_as_it_comes(serve: Serve, pilotlight_command: Command, tmp_path: Path) -> None:
    """Pieces on stdout while the function still waits; an error at the end on stderr, with exit code 1; refusals as ever."""
    (tmp_path / "app.py").write_text(
        dedent("""
            import os, time
            import bootstrap

            @bootstrap.stream
            def handler(event, context):
                yield "first "
                while not os.path.exists(event["file"]):
                    time.sleep(0.001)
                yield "last"
                if event.get("fail"):
                    raise ValueError("halfway")
            """)
    )
    url = serve(str(tmp_path), "--name", "streamer").url
    go = tmp_path / "go"
    stream = ("invoke", "streamer", "--stream", "--endpoint", url, "-e")
    with subprocess.Popen([PILOTLIGHT, *stream, json.dumps({"file": str(go)})], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.read(6) == b"first "
        go.touch()
        assert running.stdout.read() == b"last\n"
    assert running.returncode == 0
    failed = pilotlight_command(*stream, json.dumps({"file": str(go), "fail": True}), "--tail")
    assert (failed.returncode, failed.stdout) == (1, b"first last\n")
    assert json.loads(failed.stderr.splitlines()[-1])["errorMessage"] == "halfway"
    assert failed.stderr.startswith(b"START")
    assert pilotlight_command("invoke", "nobody", "--stream", "--endpoint", url).returncode == 2
    dry = pilotlight_command("invoke", "streamer", "--stream", "--dry-run", "--endpoint", url)
    assert (dry.returncode, dry.stdout) == (0, b"")


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
    assert pilotlight_command("invoke", "hello", "--async", "--tail").returncode == 2
    assert pilotlight_command("invoke").returncode == 2
