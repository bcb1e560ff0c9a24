"""The page about operations names every metric that is written, and no other."""

from __future__ import annotations

import re

from benchmarks.servers import REPOSITORY
from runtime_api.cli.serve import command
from runtime_api.frontend.management.exposition import write
from runtime_api.frontend.management.numbers import Numbers

PAGE = (REPOSITORY / "docs" / "operations.md").read_text()
NOTHING = Numbers(tallies={}, provisioned={}, sandboxes={}, unreserved_running=0, events={}, queued={}, urls={})


def test_the_table_is_what_is_written() -> None:
    """With the service's name, which the help text begins with."""
    rows = re.findall(r"^\| `((?:lambda|pilotlight)_\w+)` \| (\w*)", PAGE, re.MULTILINE)
    written = re.findall(r"^# HELP (\S+) (?:(\w+): )?", write(NOTHING, "")[0].decode(), re.MULTILINE)
    assert sorted(rows) == sorted(written)


def test_the_default_is_the_one_named() -> None:
    """Of the drain timeout."""
    [option] = [option for option in command.params if option.name == "drain_timeout"]
    assert f"({option.default:g} s unless said otherwise)" in PAGE
