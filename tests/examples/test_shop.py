"""The two functions of the shop example; docs/events.md, and its test, have them work together."""

import json
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "shop"
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))


def run(function: str, event: object) -> "subprocess.CompletedProcess[str]":
    """One invocation of a function."""
    return subprocess.run(
        [PILOTLIGHT, "run", str(EXAMPLE / function), "-e", json.dumps(event)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_what_is_in_stock_is_shipped() -> None:
    """The record of a success is the event of what ships."""
    taken = run("purchase", {"item": "lamp"})
    record = {"requestContext": {"requestId": "7"}, "responsePayload": json.loads(taken.stdout)}
    shipped = run("ship", record)
    assert (shipped.returncode, "shipping lamp for 7" in shipped.stderr) == (0, True)


def test_what_is_not_is_an_error() -> None:
    """It names the item."""
    refused = run("purchase", {"item": "boat"})
    assert (refused.returncode, json.loads(refused.stdout)["errorMessage"]) == (1, "no boat in stock")
