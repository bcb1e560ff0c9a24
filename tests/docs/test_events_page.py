"""Every command and program of the page about asynchronous invocation is run as it stands there, but for the port and the pace."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.servers import REPOSITORY, Server, pilotlight
from runtime_api import EventInvokeConfig
from runtime_api.config.configuration import configuration_at
from runtime_api.config.settings import Settings
from runtime_api.dispatch.events.ledger import Ledger
from tests.runtime_api.waiting import until

PAGE = (REPOSITORY / "docs" / "events.md").read_text()
SERVE, CALLS, FAILING, LOOKING = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
[PROGRAM] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[SETTINGS] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
Shell = Callable[[str], str]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example in it, to be written into."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(REPOSITORY / "examples" / "shop", folder / "examples" / "shop")
    return folder


@pytest.fixture(scope="module")
def server(checkout: Path) -> Iterator[Server]:
    """What the page serves; three minutes pass in a twentieth of a second."""
    path, option, _ = shlex.split(SERVE)[2:]
    assert option == "--time-scale"
    with pilotlight(checkout / path, option, "3600", "--data-dir", str(checkout / ".pilotlight")) as server:
        yield server


@pytest.fixture
def shell(checkout: Path, server: Server) -> Shell:
    """Runs commands of the page, and gives what they print."""

    def run(commands: str) -> str:
        commands = re.sub(r"^(pilotlight invoke .*)$", rf"\1 --endpoint {server.url}", commands, flags=re.MULTILINE)
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=checkout, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


async def test_a_purchase_is_shipped_and_one_is_refused(checkout: Path, server: Server, shell: Shell) -> None:
    """The first reaches the function it goes on to, the second the file, after three attempts."""
    lamp, boat, *listed = shell(CALLS).splitlines()
    refused = checkout / "examples" / "shop" / "refused.jsonl"
    await until(lambda: f"shipping lamp for {lamp}" in server.log() and refused.exists() and refused.read_text())
    context = json.loads(refused.read_text())["requestContext"]
    assert (context["requestId"], context["approximateInvokeCount"]) == (boat, 3)
    assert listed[0].startswith("request id")


async def test_what_failed_is_looked_after(shell: Shell) -> None:
    """A failure nobody is told of is listed, and put back."""
    request_id = shell(FAILING).strip()
    await until(lambda: request_id in shell("pilotlight events list --state failed"))
    said = shell(LOOKING).splitlines()
    assert said[1].split()[:3] == [request_id, "shipping", "failed"]
    assert said[2] == "put back into the queue: 1 event"
    assert re.fullmatch(r"forgotten: \d events?", said[3])


def test_the_settings_are_read(checkout: Path) -> None:
    """The page's file is one that can be served."""
    (checkout / "pilotlight.toml").write_text(SETTINGS)
    [purchases] = configuration_at(checkout / "pilotlight.toml", Settings()).functions
    assert purchases.event_invoke == EventInvokeConfig(
        maximum_retry_attempts=1,
        maximum_event_age_ms=3_600_000,
        on_success="https://example.com/purchases",
        on_failure=f"file:{checkout}/refused.jsonl",
    )


def test_the_program_hands_an_event_in(checkout: Path) -> None:
    """And prints what became of it, and leaves nothing in its folder."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=checkout, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    request_id, record = done.stdout.split(maxsplit=1)
    assert json.loads(record)["requestContext"]["requestId"] == request_id
    with Ledger(str(checkout / "events")) as ledger:
        assert ledger.heads() == []
