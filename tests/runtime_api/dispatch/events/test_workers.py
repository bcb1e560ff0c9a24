from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import pytest

from runtime_api.dispatch.events.lane import Lane
from runtime_api.dispatch.events.store import StoreFailed
from runtime_api.dispatch.events.workers import Workers
from tests.runtime_api.virtual_clock import START_MS, VirtualClock
from tests.runtime_api.waiting import until


class Bench:
    """A store of named items in memory, and work that ends when the test says so."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.waiting: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        self.begun: list[str] = []
        self.under_way: dict[str, asyncio.Future[bool]] = {}
        self.looks = 0
        self.is_broken = False

    def add(self, function: str, *items: str, due_ms: float = START_MS) -> None:
        """Items that wait for a function's lane."""
        self.waiting[function] += [(due_ms, item) for item in items]

    async def due_times(self, functions: Iterable[str]) -> dict[str, float]:
        self.looks += 1
        if self.is_broken:
            raise StoreFailed("gone")
        return {name: min(self.waiting[name])[0] for name in functions if self.waiting[name]}

    async def take(self, function: str, now_ms: float, limit: int) -> Sequence[str]:
        items = sorted(self.waiting[function])
        taken = [item for due_ms, item in items if due_ms <= now_ms][:limit]
        self.waiting[function] = [entry for entry in items if entry[1] not in taken]
        return taken

    async def work(self, item: str) -> bool:
        self.begun.append(item)
        self.under_way[item] = asyncio.get_running_loop().create_future()
        try:
            return await self.under_way[item]
        finally:
            del self.under_way[item]

    def end(self, item: str, *, was_refused: bool = False) -> None:
        """Let it end."""
        self.under_way[item].set_result(was_refused)


@pytest.fixture
def bench(clock: VirtualClock) -> Bench:
    """An empty one."""
    return Bench(clock)


Start = Callable[..., Workers[str]]


@pytest.fixture
async def start(bench: Bench, clock: VirtualClock, no_loop_errors: None) -> AsyncIterator[Start]:
    """Start workers on lanes of so many at once each, with so many slots in all."""
    started: list[Workers[str]] = []

    def make(limits: dict[str, int], slots: int = 100) -> Workers[str]:
        lanes = [Lane(name, limit, 1_000) for name, limit in limits.items()]
        workers = Workers(bench.due_times, bench.take, bench.work, lanes, clock, slots)
        workers.start()
        started.append(workers)
        return workers

    yield make
    for workers in started:
        await workers.close(0)


async def test_no_more_at_once_than_a_lane_may(bench: Bench, start: Start) -> None:
    """The next begins when one ends, and until then it is not even taken."""
    bench.add("a", "a1", "a2", "a3")
    start({"a": 2})
    await until(lambda: bench.begun == ["a1", "a2"])
    assert [item for _, item in bench.waiting["a"]] == ["a3"]
    bench.end("a1")
    await until(lambda: bench.begun == ["a1", "a2", "a3"])


async def test_what_is_taken_while_it_is_closed_is_run(bench: Bench, start: Start) -> None:
    """Once the store says that something runs, it does; what comes later stays where it is."""
    taking = asyncio.Event()
    take, may_take = bench.take, asyncio.Event()

    async def take_slowly(function: str, now_ms: float, limit: int) -> Sequence[str]:
        taking.set()
        await may_take.wait()
        return await take(function, now_ms, limit)

    bench.take = take_slowly  # type: ignore[method-assign]
    bench.add("a", "a1", "a2")
    workers = start({"a": 1})
    await taking.wait()
    closing = asyncio.ensure_future(workers.close(1_000))
    await asyncio.sleep(0)
    may_take.set()
    await until(lambda: bench.begun == ["a1"])
    bench.end("a1")
    await closing
    assert (bench.begun, [item for _, item in bench.waiting["a"]]) == (["a1"], ["a2"])


async def test_a_busy_function_does_not_starve_another(bench: Bench, start: Start) -> None:
    """Where slots are few, the one served longest ago is next."""
    bench.add("a", *[f"a{number}" for number in range(9)])
    workers = start({"a": 9, "b": 9}, slots=2)
    await until(lambda: bench.begun == ["a0", "a1"])
    bench.add("b", "b0", "b1")
    workers.look()
    bench.end("a0")
    await until(lambda: bench.begun == ["a0", "a1", "b0"])
    bench.end("a1")
    await until(lambda: bench.begun == ["a0", "a1", "b0", "a2"])
    bench.end("a2")
    await until(lambda: bench.begun == ["a0", "a1", "b0", "a2", "b1"])


async def test_a_refused_lane_rests_and_others_do_not(bench: Bench, start: Start, clock: VirtualClock) -> None:
    """Nothing of it begins before the pause is over."""
    bench.add("a", "a1", "a2")
    bench.add("b", "b1", "b2")
    start({"a": 1, "b": 1})
    await until(lambda: bench.begun == ["a1", "b1"])
    bench.end("a1", was_refused=True)
    bench.end("b1")
    await until(lambda: bench.begun == ["a1", "b1", "b2"])
    clock.advance(999)
    bench.end("b2")
    await until(lambda: not bench.under_way)
    assert "a2" not in bench.begun
    await until(lambda: clock.pending)
    clock.advance(1)
    await until(lambda: bench.begun[-1] == "a2")


async def test_what_is_due_later_begins_then(bench: Bench, start: Start, clock: VirtualClock) -> None:
    """Not a millisecond before."""
    bench.add("a", "a1", due_ms=START_MS + 400)
    start({"a": 1})
    await until(lambda: clock.pending == [400])
    clock.advance(399)
    assert bench.begun == []
    clock.advance(1)
    await until(lambda: bench.begun == ["a1"])


async def test_it_looks_every_second(bench: Bench, start: Start, clock: VirtualClock) -> None:
    """Another process may have put something there."""
    start({"a": 1})
    await until(lambda: clock.pending == [1_000])
    bench.add("a", "a1")
    clock.advance(1_000)
    await until(lambda: bench.begun == ["a1"])


async def test_it_does_not_spin(bench: Bench, start: Start, clock: VirtualClock) -> None:
    """With all slots taken, nobody asks the store."""
    bench.add("a", "a1", "a2")
    start({"a": 1})
    await until(lambda: bench.begun == ["a1"] and clock.pending == [1_000])
    looks = bench.looks
    for _ in range(100):
        await asyncio.sleep(0)
    assert bench.looks == looks


async def test_a_store_that_fails_is_asked_again(
    bench: Bench, start: Start, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each second, with one line in the log."""
    bench.is_broken = True
    bench.add("a", "a1")
    start({"a": 1})
    for looks in (1, 2, 3):
        await until(lambda looks=looks: bench.looks == looks and clock.pending)  # type: ignore[misc]
        clock.advance(1_000)
    bench.is_broken = False
    await until(lambda: clock.pending)
    clock.advance(1_000)
    await until(lambda: bench.begun == ["a1"])
    assert [record.message for record in caplog.records] == ["events wait: gone"]


async def test_the_end_waits_for_what_runs(bench: Bench, start: Start) -> None:
    """And begins nothing more."""
    bench.add("a", "a1", "a2")
    workers = start({"a": 1})
    await until(lambda: bench.begun == ["a1"])
    closing = asyncio.ensure_future(workers.close(2_000))
    await asyncio.sleep(0)
    bench.end("a1")
    await closing
    assert bench.begun == ["a1"]


async def test_the_end_does_not_wait_for_ever(bench: Bench, start: Start, clock: VirtualClock) -> None:
    """What is not over in time is cancelled."""
    bench.add("a", "a1")
    workers = start({"a": 1})
    await until(lambda: bench.begun == ["a1"])
    closing = asyncio.ensure_future(workers.close(2_000))
    await until(lambda: 2_000 in clock.pending)
    clock.advance(2_000)
    await closing
    assert not bench.under_way
