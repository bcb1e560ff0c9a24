"""Is every event run that was accepted, when several servers share a queue on NATS and one of them dies?

Strategy: as in `events`, but for the folder: two servers have the same queue, events are sent to both, and while they are sent and run
one of the two is killed by SIGKILL and another one takes its place. What the dead one worked on must be done by the one that is left.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.events import EVENTS, FUNCTION, Survival, World, result_of
from benchmarks.report import Result
from benchmarks.servers import Server, nats, pilotlight
from runtime_api.dispatch.events.jetstream.ledger import JetStreamLedger
from runtime_api.protocol.asynchronous.queue_address import parse_queue_address

KILLS = 3


class SharedWorld(World):
    """A world whose events are in a queue."""

    def __init__(self, folder: Path, events: int, queue: str) -> None:
        super().__init__(folder, events)
        self._queue = queue

    def server(self) -> AbstractContextManager[Server]:
        """One more server of the queue."""
        return pilotlight(self.folder, "--queue", self._queue, function=FUNCTION)

    def is_done(self) -> bool:
        if self.unsent or self.runs < len(self.accepted):
            return False
        with JetStreamLedger(parse_queue_address(self._queue)) as ledger:
            return not ledger.heads(limit=1)


def survive(folder: Path, events: int, kills: int) -> Survival:
    """Send events to two servers and have them run, with one of the two killed so many times."""
    with nats(folder) as url:
        world = SharedWorld(folder, events, f"{url}?ack_wait=1")
        with world.server() as survivor:
            for kill in range(1, kills + 1):
                with world.server() as victim:
                    is_enough = world.has_come_to(kill / (kills + 1), is_sending=False)
                    asyncio.run(world.send_until([survivor, victim], is_enough, victim))
            asyncio.run(world.send_until([survivor], world.is_done, None))
        return world.survival


def is_possible() -> bool:
    """Whether there is a NATS server to be had."""
    return shutil.which("nats-server") is not None


def run_survival(events: int = EVENTS, kills: int = KILLS) -> Result:
    """The figures of `survive`."""
    with tempfile.TemporaryDirectory(prefix="pilotlight-events-") as folder:
        survival = survive(Path(folder), events, kills)
    what = f"{events} asynchronous events on two servers with one queue on NATS, one of the two killed -9 {kills} times"
    return result_of("events-shared", what, survival, events)
