"""A published extension on our platform: lambda-otel-lite, whose internal extension sends OpenTelemetry spans after the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api import Function, Platform

pytest.importorskip("lambda_otel_lite", reason="lambda-otel-lite is not installed: it needs Python 3.12 or newer")

HANDLER = """
from lambda_otel_lite import create_traced_handler, init_telemetry

tracer, completion = init_telemetry()

@create_traced_handler("echo", completion)
def handler(event, context):
    return event
"""
INVOCATION = ["START", "END", "REPORT"]


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("async", ["EXTENSION", *INVOCATION, "spans", *INVOCATION, "spans"]),
        ("finalize", ["EXTENSION", *INVOCATION, *INVOCATION, "spans"]),
    ],
)
async def test_spans_are_sent(tmp_path: Path, mode: str, shown: list[str]) -> None:
    """With each invocation, which is not over before; or all of them at the end, which the runtime hears of by SIGTERM."""
    (tmp_path / "app.py").write_text(HANDLER)
    log: list[bytes] = []
    environment = {"LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": mode}
    function = Function(name="traced", task_root=str(tmp_path), handler="app.handler", environment=environment)
    async with Platform([function], port=None, log=lambda _name, text: log.append(text)) as platform:
        outcomes = [await platform.invoke("traced", event, wants_log_tail=True) for event in (b"1", b"2")]
    assert [outcome.body for outcome in outcomes] == [b"1", b"2"]
    lines = [
        # At SIGTERM its one thread closes the connection the other one waits on, which may come to say so.
        line
        for line in b"".join(log).splitlines()
        if b"HTTP error in extension loop" not in line
    ]
    words = ["spans" if b"__otel_otlp_stdout" in line else line.split()[0].decode() for line in lines]
    # Where in their invocation spans are printed is a race between two threads of the runtime.
    assert sorted(words) == sorted(shown)
    assert words.index("spans") < words.index("REPORT") or mode == "finalize"
    assert (words[-1] == "spans") == (mode == "finalize")
