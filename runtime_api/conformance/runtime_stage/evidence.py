"""The evidence of a scenario as text: what went over the wire, how the process ended, and what it printed."""

from __future__ import annotations

from runtime_api.conformance.runtime_stage.record import Process, Run
from runtime_api.conformance.wire_log import render

_OUTPUT_BYTES = 64 * 1024


def evidence_of(run: Run) -> str:
    """The text: seconds since the stage was opened, number of the connection, > from the runtime, < from the server."""
    parts = [render(run.wire), *(_end_of(process) for process in run.processes)]
    return "\n".join(parts)


def _end_of(process: Process) -> str:
    head = f"process {process.pid} {process.ending}"
    return "\n".join([head, *_output("stdout", process.stdout), *_output("stderr", process.stderr), ""])


def _output(name: str, data: bytes) -> list[str]:
    if not data:
        return []
    more = f" (the first {_OUTPUT_BYTES} of {len(data)} bytes)" if len(data) > _OUTPUT_BYTES else ""
    return [f"--- {name}{more}", data[:_OUTPUT_BYTES].decode("utf-8", "backslashreplace").rstrip("\n")]
