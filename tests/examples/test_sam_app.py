"""The functions of a SAM template, served as they stand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks.servers import REPOSITORY, pilotlight
from tests.runtime_api.waiting import until

EXAMPLE = REPOSITORY / "examples" / "sam-app"
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))


async def test_the_template_is_served(tmp_path: Path) -> None:
    """By its alias over its URL, and asynchronously: the record of that reaches the other function."""
    with pilotlight(EXAMPLE, "--data-dir", str(tmp_path)) as server:
        answer = json.loads(post(f"{server.url}/lambda-url/orders:live/", "tea", "Content-Type", "application/json"))
        invocations = f"{server.url}/2015-03-31/functions/orders:live/invocations"
        assert post(invocations, "milk", "X-Amz-Invocation-Type", "Event") == b""
        await until(lambda: "audit: Success {'accepted': 'milk'" in server.log())
    assert answer == {"accepted": "tea", "table": "Table", "stage": "dev", "version": "1"}


def test_one_of_them_is_run_with_another_parameter() -> None:
    """`run` takes the one that --name names."""
    done = subprocess.run(
        [PILOTLIGHT, "run", str(EXAMPLE), "--name", "orders", "--parameter", "Stage=live", "-e", '{"item": "tea"}'],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert json.loads(done.stdout) == {"accepted": "tea", "table": "Table", "stage": "live", "version": "$LATEST"}


def post(url: str, item: str, header: str, value: str) -> bytes:
    """The answer to an order that is sent with one header."""
    with urlopen(Request(url, json.dumps({"item": item}).encode(), {header: value}), timeout=30) as response:
        body: bytes = response.read()
        return body
