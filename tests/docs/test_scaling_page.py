"""Every command of the page about more than one server is run as it stands there, but for the ports."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from subprocess import run

from benchmarks.servers import REPOSITORY, nats, pilotlight
from runtime_api.protocol.asynchronous.queue_address import parse_queue_address
from tests.conftest import needs_nats_server
from tests.runtime_api.waiting import until

PAGE = (REPOSITORY / "docs" / "scaling.md").read_text()
[CONFIGURATION] = re.findall(r"```\n(listen.*?)```", PAGE, re.DOTALL)
SERVE, CALLS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))


def printed(arguments: list[str]) -> str:
    """What a command prints."""
    return run([PILOTLIGHT, *arguments], capture_output=True, text=True, timeout=60, check=True).stdout


@needs_nats_server
async def test_two_servers(tmp_path: Path) -> None:
    """Take events from one queue, whoever accepted them; the command line looks into it."""
    shutil.copytree(REPOSITORY / "examples" / "shop", tmp_path / "examples" / "shop")
    start_nats, *serve = SERVE.splitlines()
    assert start_nats == "nats-server -c nats.conf"
    with ExitStack() as stack:
        queue = stack.enter_context(nats(tmp_path, configuration=CONFIGURATION))
        servers = []
        for command in serve:
            path, _, _, option, address = shlex.split(command)[2:]
            assert parse_queue_address(address).servers == ("nats://127.0.0.1:4222",)
            servers.append(stack.enter_context(pilotlight(tmp_path / path, option, queue, "--time-scale", "3600")))
        said = []
        for command in CALLS.splitlines():
            _, *arguments = shlex.split(command)
            for port, server in zip((9000, 9001), servers, strict=True):
                arguments = [each.replace(f"http://127.0.0.1:{port}", server.url) for each in arguments]
            arguments = [each.replace("nats://127.0.0.1:4222", queue) for each in arguments]
            said.append(printed(arguments))
        lamp, boat, listed = (each.strip() for each in said)
        refused = tmp_path / "examples" / "shop" / "refused.jsonl"
        await until(lambda: any(f"shipping lamp for {lamp}" in server.log() for server in servers))
        await until(lambda: refused.exists() and refused.read_text())
    assert listed.startswith("request id")
    context = json.loads(refused.read_text())["requestContext"]
    assert (context["requestId"], context["approximateInvokeCount"]) == (boat, 3)
