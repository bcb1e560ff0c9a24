"""What comes back on a call, whole or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runtime_api.conformance.messages import joined, strict_json
from runtime_api.protocol.names import HEADER_API_ERROR_TYPE


@dataclass(eq=False)
class Answer:
    """The answer to a call, or, with status 0, none. Times are in ms since the stage was opened.

    `fault` says what is wrong with it as HTTP, or why there is none; `is_timed_out` that it was not waited for any longer. `interim`: the
    1xx statuses before it. `pieces`: the body's, as they came: (ms, bytes).
    """

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    pieces: list[tuple[float, int]] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    asked_ms: float = 0.0
    head_ms: float = 0.0
    ended_ms: float = 0.0
    fault: str = ""
    is_timed_out: bool = False

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case; several are joined by a comma. None when there is none."""
        return joined(self.headers, name)

    @property
    def json(self) -> Any:  # noqa: ANN401  (whatever was sent)
        """The body as strict JSON; a NotJson when it is not."""
        return strict_json(self.body)

    @property
    def error_type(self) -> str | None:
        """The `errorType` of a JSON object."""
        value = self.json
        return value.get("errorType") if isinstance(value, dict) else None

    @property
    def exception(self) -> str:
        """The exception of the Invoke API it is; empty for none."""
        return (self.header(HEADER_API_ERROR_TYPE) or "").partition(":")[0]

    @property
    def is_refusal(self) -> bool:
        """Whether it is a whole answer with a status from 400 to 499."""
        return 400 <= self.status < 500 and not self.fault

    @property
    def took_ms(self) -> float:
        """From the call to the end of its answer."""
        return self.ended_ms - self.asked_ms

    @property
    def story(self) -> str:
        """The answer in words."""
        told = f"{self.status} {self.body[:200]!r}" if self.status else "no answer"
        return f"{told}: {self.fault}" if self.fault else told
