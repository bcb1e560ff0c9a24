"""The record of one scenario on a server: every answer the scenario kept, under a name, for judges to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runtime_api.conformance.runtime_stage.record import Process
from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.wire_log import WireEvent, render

_OUTPUT_BYTES = 64 * 1024
_AT_ONCE_MS = 1000.0


@dataclass
class Course:
    """What happened. `answers` and `facts` are what the scenario kept; `epoch_ms` is when the stage was opened.

    `function` is the name it is called by, `timeout_s` its timeout. `servers`: each start of the server's command.
    """

    function: str
    epoch_ms: float
    timeout_s: float = 0.0
    answers: dict[str, Answer] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    servers: list[Process] = field(default_factory=list)
    wire: list[WireEvent] = field(default_factory=list)

    def __getitem__(self, name: str) -> Answer:
        """What was kept under a name, or an answer that never came."""
        return self.answers.get(name) or Answer(fault="the server did not let the scenario get that far")

    def several(self, name: str) -> list[Answer]:
        """What was kept under a name and a number, in order: `event 0`, `event 1` …"""
        return [answer for key, answer in self.answers.items() if key.startswith(f"{name} ")]

    def fact(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  (whatever the scenario kept)
        """What was kept under a name that is no answer."""
        return self.facts.get(name, default)

    def is_lost(self, name: str) -> bool:
        """Whether an answer is missing because the server ended the sandbox at once; the scenario keeps the end as the fact `ended`."""
        answer = self[name]
        return not answer.status and answer.took_ms < _AT_ONCE_MS and bool(self.fact("ended"))

    @property
    def has_crashed(self) -> bool:
        """Whether a server's command ended by itself."""
        return any(server.status is not None for server in self.servers)


def evidence_of(course: Course) -> str:
    """The record as text: the wire, < what the suite sent, > what came back, and what the server printed."""
    parts = [render(course.wire)]
    for server in course.servers:
        text = (server.stdout + server.stderr)[:_OUTPUT_BYTES].decode("utf-8", "backslashreplace")
        parts.append(f"server {server.pid} {server.ending}\n{text}")
    return "\n".join(parts)
