"""The pages about images and about deploying them say what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from container.inside import server
from tests.container.folders import CONTAINER, DEPLOY, INSIDE

DOCS = CONTAINER.parent / "docs"
CONTAINERS, DEPLOYING = ((DOCS / name).read_text() for name in ("containers.md", "deploy.md"))


def test_every_variable_is_in_the_table() -> None:
    """Those the server takes for itself, and no others."""
    table = CONTAINERS.partition("| variable |")[2].partition("\n\n")[0]
    names = " ".join(row.split("|")[1] for row in table.splitlines()[1:])
    assert set(re.findall(r"`([A-Z_]+)`", names)) == {
        *("PORT", server.POOL, server.QUEUE, server.DRAIN, server.URL_MODE),
        *(server.NAME, server.TIMEOUT, server.MEMORY, "AWS_REGION", "AWS_DEFAULT_REGION"),
    }


def test_defaults_are_those_of_the_server() -> None:
    """Each number of the table."""
    written = server.configuration("app.handler", {}, "/var/task", "/nowhere")
    for variable, key in (("PORT", "port"), (server.POOL, "account_concurrency"), (server.DRAIN, "drain_timeout")):
        [said] = re.findall(rf"\| `{variable}` \|.*\| (\d+) \|", CONTAINERS)
        assert f'"{key}" = {said}' in written


@pytest.mark.parametrize(("page", "folder"), [(CONTAINERS, DEPLOY), (DEPLOYING, DEPLOY / "aws")])
def test_every_file_is_named(page: str, folder: Path) -> None:
    """In the table of its page."""
    files = {path.name for path in folder.iterdir() if path.is_file()}
    named = set(re.findall(r"`([\w-]+\.(?:yaml|hcl|conf|tf|py))`", page))
    assert files <= named


def test_the_exit_code_is_the_entry_points() -> None:
    """142."""
    assert "exit 142" in (INSIDE / "lambda-entrypoint.sh").read_text()
    assert "with 142" in CONTAINERS
