"""Does every caller get its own answer, once, and does the server stay the size it is: many callers on few sandboxes, for long.

Strategy: each call carries a token nobody else has, and the function gives it back with its sandbox and a number that grows by one
for each event that sandbox was given. A token in another's answer is a crossed answer. A sandbox's numbers that are not 1, 2, 3 …
each once betray an event that ran twice, or whose answer reached nobody.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import msgspec

from benchmarks.load import Callers
from benchmarks.report import Figure, Result
from benchmarks.servers import Server, pilotlight

CALLERS = 200
SANDBOXES = 20
CROWD, CROWDED_SANDBOXES = 1000, 50
BACKOFF_S = 0.05
TASK_ROOT = Path(__file__).resolve().parent / "soak_function"


class Answer(msgspec.Struct, frozen=True):
    """What the function says."""

    token: str
    sandbox: int
    number: int


_decode = msgspec.json.Decoder(Answer).decode


class Tokens:
    """The workload: tokens out, tokens in, and what did not add up. Ends after `seconds` or `calls`, whichever comes first."""

    def __init__(self, server: Server, seconds: float, calls: int | None = None) -> None:
        self.answers = 0
        self.lost_answers = 0
        self.crossed = 0
        self.unexpected: list[bytes] = []
        self.resident_at_quarter = 0
        self._server = server
        self._calls_left = calls
        self._open: dict[int, str] = {}
        self._made = 0
        self._sandboxes: dict[int, Counter[int]] = {}
        self._quarter = time.monotonic() + seconds / 4
        self._end = time.monotonic() + seconds

    def next_event(self, caller: int) -> bytes | None:
        """A token of its own for each call."""
        now = time.monotonic()
        if not self.resident_at_quarter and now >= self._quarter:
            self.resident_at_quarter = self._server.resident_bytes()
        if now >= self._end or (self._calls_left is not None and self._made >= self._calls_left):
            return None
        self._made += 1
        self._open[caller] = token = f"{caller}-{self._made}"
        return b'{"token":"%b"}' % token.encode()

    def answered(self, caller: int, status: int, body: bytes) -> None:
        """Is it this caller's?"""
        expected = self._open.pop(caller)
        try:
            answer = _decode(body)
        except msgspec.DecodeError:
            self.unexpected.append(b"%d %b" % (status, body))
            return
        self.answers += 1
        self.crossed += answer.token != expected
        self._sandboxes.setdefault(answer.sandbox, Counter())[answer.number] += 1

    def lost(self, caller: int) -> None:
        """The connection ended."""
        del self._open[caller]
        self.lost_answers += 1

    @property
    def unaccounted(self) -> int:
        """Events a sandbox ran whose answer reached nobody, or reached somebody twice."""
        return sum(
            sum(abs(numbers[number] - 1) for number in range(1, max(numbers) + 1))
            for numbers in self._sandboxes.values()
        )

    @property
    def sandboxes(self) -> int:
        """How many sandboxes answered."""
        return len(self._sandboxes)


def run(seconds: float) -> Result:
    """Soak for `seconds`."""
    return _run("soak", seconds, CALLERS, SANDBOXES)


def crowd(seconds: float) -> Result:
    """The same with many more callers than may be served at once."""
    return _run("crowd", seconds, CROWD, CROWDED_SANDBOXES)


def _run(name: str, seconds: float, callers: int, sandboxes: int) -> Result:
    with pilotlight(TASK_ROOT, "--concurrency", str(sandboxes), "--timeout", "60", function="soak_function") as server:
        tokens = Tokens(server, seconds)
        load = Callers(server.port, server.path, tokens, range(callers), BACKOFF_S)
        load.run()
        at_end = server.resident_bytes()
    mib = 1024 * 1024
    refused_s = sorted(load.refused_after_s) or [0.0]
    return Result(
        name,
        f"{callers} callers on {sandboxes} sandboxes for {seconds:g} s",
        [
            Figure("lost answers", tokens.lost_answers + len(tokens.unexpected), "", "<=", 0),
            Figure("crossed answers", tokens.crossed, "", "<=", 0),
            Figure("events run twice or answered to nobody", tokens.unaccounted, "", "<=", 0),
            Figure("server memory, end / 25 %", at_end / tokens.resident_at_quarter, "", "<=", 1.05),
            Figure("server memory at 25 %", tokens.resident_at_quarter / mib, "MiB"),
            Figure("server memory at the end", at_end / mib, "MiB"),
            Figure("answers", tokens.answers),
            Figure("refusals (429)", load.throttled),
            Figure("a refusal takes, p50", refused_s[len(refused_s) // 2] * 1000, "ms"),
            Figure("sandboxes", tokens.sandboxes),
        ],
    )
