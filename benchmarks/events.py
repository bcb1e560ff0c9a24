"""Is every event that was accepted run, whatever happens to the server, and how many does it accept a second?

Strategy: events carry numbers. The function writes each number into a journal, and a destination gets the record of each success.
The server is killed by SIGKILL again and again while events are sent and while they run, and started again with the same folder. A
number that was answered by 202 and is missing in the journal was lost; one that is there more often ran more often, which is allowed.
How fast events are accepted is measured beside the fastest a single commit of SQLite can be on the same disk, in the same run.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.load import Callers
from benchmarks.report import Figure, Result
from benchmarks.servers import Server, pilotlight
from runtime_api.dispatch.events.ledger import Ledger
from runtime_api.dispatch.events.store import StoreFailed

FUNCTION = "worker"
EVENTS, KILLS = 10_000, 5
SENDERS = 32
ACCEPTING_S = 5.0
PATIENCE_S = 600
_TASK_ROOT = Path(__file__).resolve().parent / "events_function"
_EVENT_TYPE = "X-Amz-Invocation-Type: Event\r\n"
_LINE_BYTES = 8


class _Payload(msgspec.Struct):
    number: int


class _Record(msgspec.Struct, rename="camel"):
    request_payload: _Payload


class Survival(msgspec.Struct, frozen=True):
    """What became of events: the numbers accepted, how often each ran, how often each was told of, and how long it all took."""

    accepted: set[int]
    ran: Counter[int]
    told: Counter[int]
    seconds: float

    @property
    def lost(self) -> set[int]:
        """Accepted, and never run."""
        return self.accepted - set(self.ran)

    @property
    def untold(self) -> set[int]:
        """Accepted, and nobody heard of it."""
        return self.accepted - set(self.told)


class World:
    """A folder with a function, its journal, the records of its successes, and the server's events."""

    def __init__(self, folder: Path, events: int) -> None:
        self.folder = folder
        self._events = events
        self.unsent = deque(range(events))
        self.accepted: set[int] = set()
        self.paused = False
        self._began = time.monotonic()
        self.journal, self.records, self.data = folder / "journal", folder / "records.jsonl", folder / "data"
        (folder / "pilotlight.toml").write_text(
            f"[functions.{FUNCTION}]\npath = '{_TASK_ROOT}'\nenvironment = {{ JOURNAL = '{self.journal}' }}\n"
            f"event_invoke = {{ on_success = 'file:{self.records}' }}\n"
        )

    @property
    def runs(self) -> int:
        """How often the function ran so far."""
        return self.journal.stat().st_size // _LINE_BYTES if self.journal.exists() else 0

    def has_come_to(self, share: float, *, is_sending: bool) -> Callable[[], bool]:
        """Whether so much of all is accepted already, or has run."""
        enough = share * self._events
        return lambda: (len(self.accepted) if is_sending else self.runs) >= enough

    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        with contextlib.suppress(StoreFailed), Ledger(str(self.data)) as ledger:
            return not self.unsent and not ledger.heads(limit=1)
        return False

    def live(self, until: Callable[[], bool], *, is_killed: bool) -> None:
        """One life of the server: events are sent and run until then."""
        with pilotlight(self.folder, "--data-dir", str(self.data), function=FUNCTION) as server:
            asyncio.run(self.send_until([server], until, server if is_killed else None))

    async def send_until(self, servers: Sequence[Server], until: Callable[[], bool], victim: Server | None) -> None:
        """Send events to several servers, and end with the death of one of them."""
        senders = [asyncio.ensure_future(self._send(servers[each % len(servers)])) for each in range(SENDERS)]
        deadline = time.monotonic() + PATIENCE_S
        while not await asyncio.to_thread(until) and time.monotonic() < deadline:  # noqa: ASYNC110  (another process brings it about)
            await asyncio.sleep(0.01)
        if victim is not None:
            victim.kill()
            # Who sends to the others goes on as soon as there is somebody to send to.
            self.paused = True
        await asyncio.gather(*senders)
        self.paused = False

    @property
    def survival(self) -> Survival:
        """What became of the events so far."""
        return Survival(
            self.accepted,
            Counter(int(line) for line in self.journal.read_text().split()),
            Counter(_number_of(line) for line in self.records.read_bytes().splitlines()),
            time.monotonic() - self._began,
        )

    async def _send(self, server: Server) -> None:
        """Send what is unsent, one at a time, until there is no more or the server is gone; what got no 202 is sent again."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            with contextlib.closing(writer):
                while self.unsent and not self.paused:
                    await self._send_one(server, reader, writer)

    async def _send_one(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.unsent.popleft()
        try:
            writer.write(_request(server, number))
            head = await reader.readuntil(b"\r\n\r\n")
        except BaseException:
            self.unsent.append(number)
            raise
        if not head.startswith(b"HTTP/1.1 202 "):
            raise AssertionError(f"an event was not accepted: {head!r}")
        self.accepted.add(number)


def _request(server: Server, number: int) -> bytes:
    body = b'{"number":%d}' % number
    head = f"POST {server.path} HTTP/1.1\r\nHost: x\r\n{_EVENT_TYPE}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def survive(folder: Path, events: int, kills: int) -> Survival:
    """Send events and have them run, with the server killed so many times on the way."""
    world = World(folder, events)
    for life in range(1, kills + 1):
        world.live(world.has_come_to(life / (kills + 1), is_sending=life <= kills // 2), is_killed=True)
    world.live(world.is_done, is_killed=False)
    return world.survival


def _number_of(record: bytes) -> int:
    return msgspec.json.decode(record, type=_Record).request_payload.number


def run_survival(events: int = EVENTS, kills: int = KILLS) -> Result:
    """The figures of `survive`."""
    with tempfile.TemporaryDirectory(prefix="pilotlight-events-") as folder:
        survival = survive(Path(folder), events, kills)
    what = f"{events} asynchronous events, the server killed -9 {kills} times while they are sent and run"
    return result_of("events", what, survival, events)


def result_of(name: str, what: str, survival: Survival, events: int) -> Result:
    """The figures of what became of so many events."""
    return Result(
        name,
        what,
        [
            Figure("events lost", len(survival.lost), "", "<=", 0),
            Figure("destination records missing", len(survival.untold), "", "<=", 0),
            Figure("events not accepted", events - len(survival.accepted), "", "<=", 0),
            Figure("events run more than once", sum(count > 1 for count in survival.ran.values())),
            Figure("records told more than once", sum(count > 1 for count in survival.told.values())),
            Figure("in all", survival.seconds, "s"),
        ],
    )


class _Acceptance:
    """The workload of accepting: events for so many seconds. The function they are for does nothing meanwhile."""

    def __init__(self, seconds: float) -> None:
        self.accepted = 0
        self.refused = 0
        self._end = time.monotonic() + seconds

    def next_event(self, caller: int) -> bytes | None:
        return b'{"number":%d}' % caller if time.monotonic() < self._end else None

    def answered(self, _caller: int, status: int, _body: bytes) -> None:
        if status == 202:
            self.accepted += 1
        else:
            self.refused += 1

    def lost(self, _caller: int) -> None:
        self.refused += 1


def run_acceptance(seconds: float = ACCEPTING_S) -> Result:
    """Events accepted a second, with nothing else to do and with all of them running meanwhile."""
    with tempfile.TemporaryDirectory(prefix="pilotlight-events-") as folder:
        commits = _commits_per_s(Path(folder) / "commits.db")
        waiting, refused = _accepted_per_s(Path(folder), seconds, "--concurrency", "1", "--env", "PAUSE=3600")
        running, also_refused = _accepted_per_s(Path(folder), seconds)
    return Result(
        "events-accepted",
        f"{SENDERS} callers for {seconds:g} s, each event on disk before its 202",
        [
            Figure("events accepted", waiting, "/s", ">=", 2_000),
            Figure("events accepted while they run", running, "/s"),
            Figure("accepted / single commits of SQLite", waiting / commits),
            Figure("single commits of SQLite", commits, "/s"),
            Figure("events refused", refused + also_refused, "", "<=", 0),
        ],
    )


def _accepted_per_s(folder: Path, seconds: float, *options: str) -> tuple[float, int]:
    with tempfile.TemporaryDirectory(dir=folder) as data:
        environment = ("--env", f"JOURNAL={data}/journal")
        with pilotlight(
            _TASK_ROOT, "--name", FUNCTION, "--data-dir", data, *environment, *options, function=FUNCTION
        ) as server:
            acceptance = _Acceptance(seconds)
            Callers(server.port, server.path, acceptance, range(SENDERS), 0.01, _EVENT_TYPE).run()
    return acceptance.accepted / seconds, acceptance.refused


def _commits_per_s(path: Path) -> float:
    """The best of one writer that waits for the disk at each row."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE events (payload BLOB)")
        began, count = time.monotonic(), 0
        while time.monotonic() - began < 1:
            with database:
                database.execute("INSERT INTO events VALUES (?)", (b"x" * 100,))
            count += 1
        return count / (time.monotonic() - began)
