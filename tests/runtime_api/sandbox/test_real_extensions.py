"""Extensions as people write them, beside runtimes as people run them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runtime_api.protocol.function.function import Function
from tests.runtime_api.fake_runtime import ARN, REQUEST_ID
from tests.runtime_api.living_sandbox import LivingSandbox
from tests.runtime_api.sandbox.conftest import StartIn

SHELL = """\
    #!/bin/bash
    set -euo pipefail
    name=$(basename "$0")
    api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
    id=$(curl -sS -o /dev/null -D - -X POST "$api/register" -H "Lambda-Extension-Name: $name" \\
        -d '{"events": ["INVOKE", "SHUTDOWN"]}' | grep -i '^lambda-extension-identifier:' | tr -d '\\r' | cut -d ' ' -f 2)
    while true; do
        event=$(curl -sS "$api/event/next" -H "Lambda-Extension-Identifier: $id")
        echo "[$name] $event"
        if [[ $event == *SHUTDOWN* ]]; then
            exit 0
        fi
    done
    """

PYTHON = f"""\
    #!{sys.executable}
    import json, os, sys
    from urllib.request import Request, urlopen

    name = os.path.basename(__file__)
    api = f"http://{{os.environ['AWS_LAMBDA_RUNTIME_API']}}/2020-01-01/extension"
    events = json.dumps({{"events": ["INVOKE", "SHUTDOWN"]}}).encode()
    registration = Request(f"{{api}}/register", events, {{"Lambda-Extension-Name": name}})
    with urlopen(registration) as answer:
        headers = {{"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}}
    while True:
        with urlopen(Request(f"{{api}}/event/next", headers=headers)) as answer:
            event = json.load(answer)
        print(f"[{{name}}] {{json.dumps(event)}}", flush=True)
        if event["eventType"] == "SHUTDOWN":
            break
    """

# Counts its invocations, and those its internal extension, a thread, has been told of.
APP = """\
    import json, os, threading
    from urllib.request import Request, urlopen

    count, told = 0, threading.Semaphore(0)

    def watch():
        api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
        registration = Request(f"{api}/register", b'{"events": ["INVOKE"]}', {"Lambda-Extension-Name": "inside"})
        with urlopen(registration) as answer:
            headers = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
        registered.set()
        while True:
            with urlopen(Request(f"{api}/event/next", headers=headers)) as answer:
                assert json.load(answer)["eventType"] == "INVOKE"
            told.release()

    registered = threading.Event()
    threading.Thread(target=watch, daemon=True).start()
    registered.wait()

    def handler(event, context):
        global count
        count += 1
        assert told.acquire(timeout=10)
        return [event, count]
    """


def write_program(path: Path, source: str) -> None:
    """Write an executable; complete before it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.parent.parent / f"{path.name}.new"
    written.write_text(dedent(source))
    written.chmod(0o755)
    written.rename(path)


def events_of(living: LivingSandbox, name: str) -> list[dict[str, object]]:
    """What an extension said it was told."""
    return [json.loads(line.removeprefix(f"[{name}] ")) for line in living.lines if line.startswith(f"[{name}]")]


RUNTIMES: dict[str, dict[str, Any]] = {
    "bootstrap": {"handler": "app.handler"},
    "awslambdaric": {"runtime": "command", "command": (sys.executable, "-m", "awslambdaric", "app.handler")},
}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_real_runtimes_with_real_extensions(start_in: StartIn, tmp_path: Path, runtime: str) -> None:
    """A shell script, a Python program and a thread of the function hear of everything they should, in the documented form."""
    if runtime == "awslambdaric":
        pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")
    opt, task_root = tmp_path / "opt", tmp_path / "task"
    write_program(opt / "extensions" / "shell-watcher", SHELL)
    write_program(opt / "extensions" / "python-watcher", PYTHON)
    task_root.mkdir()
    (task_root / "app.py").write_text(dedent(APP))
    function = Function(name="hello", task_root=str(task_root), timeout_ms=60_000, **RUNTIMES[runtime])
    living = await start_in(function, opt)
    for number in (1, 2):
        assert json.loads((await living.invoke(b'"x"')).body) == ["x", number]
        await living.idle()
    told = {
        "eventType": "INVOKE",
        "deadlineMs": 1_700_000_060_000,
        "requestId": REQUEST_ID,
        "invokedFunctionArn": ARN,
    }
    assert [line for line in living.lines if line.startswith("EXTENSION")] == [
        "EXTENSION\tName: python-watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]",
        "EXTENSION\tName: shell-watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]",
        "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]",
    ]
    await living.sandbox.stop()
    for name in ("shell-watcher", "python-watcher"):
        *invokes, shutdown = events_of(living, name)
        assert [{key: event[key] for key in told} for event in invokes] == [told, told]
        assert (shutdown["eventType"], shutdown["shutdownReason"]) == ("SHUTDOWN", "spindown")
