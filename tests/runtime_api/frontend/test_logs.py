"""The log in its forms and places, seen from the outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime_api import Function, Platform
from runtime_api.protocol.invoke.errors import ServiceFailure

HANDLER = """
import logging
import os

logger = logging.getLogger()

def handler(event, context):
    logger.debug("small")
    print("printed")
    logger.warning("large")
    if event == "raise":
        raise ValueError("asked to")
    return {name: value for name, value in os.environ.items() if "LOG_" in name}
"""


class Lines:
    """A log sink that keeps what it gets."""

    def __init__(self) -> None:
        self.text = b""

    def __call__(self, _name: str, text: bytes) -> None:
        self.text += text

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every line, decoded."""
        return [json.loads(line) for line in self.text.splitlines()]


def make(folder: Path, **members: Any) -> Function:  # noqa: ANN401  (any member of Function)
    """The function of this page."""
    (folder / "app.py").write_text(HANDLER)
    return Function(name="hello", task_root=str(folder), handler="app.handler", timeout_ms=30_000, **members)


def kinds(records: list[dict[str, Any]]) -> list[str]:
    """What each line is: the type of an event, or the message of a record."""
    return [record.get("type") or record["message"] for record in records]


async def test_a_log_as_json(tmp_path: Path) -> None:
    """Platform and function write objects, in the order things happened, in the tail as well; the function is told by variables."""
    lines = Lines()
    async with Platform([make(tmp_path, log_format="json")], port=None, log=lines) as platform:
        outcome = await platform.invoke("hello", b"{}", wants_log_tail=True)
    assert kinds(lines.records) == ["platform.start", "printed", "large", "platform.report"]
    assert outcome.log_tail == lines.text
    variables = json.loads(outcome.body)
    assert (variables["AWS_LAMBDA_LOG_FORMAT"], variables["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "INFO")
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in variables


async def test_levels(tmp_path: Path) -> None:
    """Each side is filtered by its own: the function's words from WARN on, the platform's from DEBUG on."""
    lines = Lines()
    function = make(tmp_path, log_format="json", application_log_level="WARN", system_log_level="DEBUG")
    async with Platform([function], port=None, log=lines) as platform:
        variables = json.loads((await platform.invoke("hello", b"{}", wants_log_tail=True)).body)
    assert variables["AWS_LAMBDA_LOG_LEVEL"] == "WARN"
    assert kinds(lines.records) == [
        "platform.initStart",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        "large",
        "platform.runtimeDone",
        "platform.report",
    ]


async def test_an_error_is_one_line_of_json(tmp_path: Path) -> None:
    """With its whole stack."""
    lines = Lines()
    async with Platform([make(tmp_path, log_format="json")], port=None, log=lines) as platform:
        await platform.invoke("hello", b'"raise"', wants_log_tail=True)
    [error] = [record for record in lines.records if "errorType" in record]
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "asked to")
    assert len(error["stackTrace"]) > 0


async def test_text_keeps_its_order(tmp_path: Path) -> None:
    """What is printed and what is logged stand in the order they were written, and no variable says anything of a format."""
    lines = Lines()
    async with Platform([make(tmp_path)], port=None, log=lines) as platform:
        variables = json.loads((await platform.invoke("hello", b"{}", wants_log_tail=True)).body)
    assert [line.split()[0] for line in lines.text.decode().splitlines()] == [
        "START",
        "printed",
        "[WARNING]",
        "END",
        "REPORT",
    ]
    assert "AWS_LAMBDA_LOG_FORMAT" not in variables


async def test_log_streams_as_files(tmp_path: Path) -> None:
    """A file for each sandbox, named as CloudWatch names its stream, with the same text as the log."""
    lines = Lines()
    folder = tmp_path / "logs"
    async with Platform([make(tmp_path)], port=None, log=lines, log_folder=str(folder)) as platform:
        variables = json.loads((await platform.invoke("hello", b"{}", wants_log_tail=True)).body)
    stream = folder / variables["AWS_LAMBDA_LOG_GROUP_NAME"].lstrip("/") / variables["AWS_LAMBDA_LOG_STREAM_NAME"]
    assert stream.read_bytes() == lines.text


async def test_a_folder_that_cannot_be_had(tmp_path: Path) -> None:
    """Said when the platform is entered."""
    (tmp_path / "file").touch()
    with pytest.raises(ServiceFailure, match=r"log folder .*: .*; name a folder that can be written to"):
        async with Platform([make(tmp_path)], port=None, log_folder=str(tmp_path / "file")):
            pass
