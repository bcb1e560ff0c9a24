"""The measurements of the bootstrap in small: they run, and count right. How fast is nobody's business here."""

import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.bootstrap import endurance, invocations, memory, start, streams
from benchmarks.bootstrap.runtime_api import TAKEN, QuickRuntimeAPI, RuntimeGone, event_reply, make_event
from benchmarks.bootstrap.runtimes import programs, running
from benchmarks.report import Result

PYTHON = Path(sys.executable)

pytest.importorskip("awslambdaric", reason="awslambdaric is not installed")


def values(result: Result) -> dict[str, float]:
    """The figures by their names."""
    return {figure.name: figure.value for figure in result.figures}


def test_starts_are_measured() -> None:
    """The answer comes after the first next."""
    found = values(start.run(PYTHON, starts=1))
    assert 0 < found["first next, bootstrap"] < found["first answer, bootstrap"]
    assert 0 < found["first next, awslambdaric"] < found["first answer, awslambdaric"]


def test_invocations_are_measured() -> None:
    """Each load has a goal and both runtimes their figures."""
    loads = [load._replace(calls=2) for load in invocations.LOADS if load.event_bytes < 1_000_000]
    result = invocations.run(PYTHON, 1, loads)
    assert [figure.goal_value for figure in result.figures if figure.goal] == [0.6, 0.8, 0.4]
    assert all(figure.value > 0 for figure in result.figures if "processor" not in figure.name)


def test_memory_is_measured() -> None:
    """Two async invocations that wait for one another are both answered, so they ran at once."""
    found = values(memory.run(PYTHON, calls=5, concurrency=2))
    assert all(value > 0 for value in found.values())
    assert found["2 at once, shared pages once, bootstrap"] <= found["2 at once, bootstrap"]


def test_streams_are_measured() -> None:
    """Every byte of a stream arrives."""
    found = values(streams.run(PYTHON, blocks=1, mebibytes=3))
    assert found["missing of them"] == 0
    assert all(found[f"first byte of a stream, {where}"] > 0 for where in ("one processor", "two processors"))


def test_endurance_is_measured() -> None:
    """Nothing more is open after a few hundred invocations, failed ones among them."""
    found = values(endurance.run(PYTHON, 500))
    assert (found["more descriptors"], found["more threads"]) == (0, 0)


def test_the_function_gives_back_what_it_gets() -> None:
    """Both runtimes do the same work."""
    event = make_event(100_000)
    for program in programs(PYTHON):
        with running(program) as runtime:
            runtime.line.take()
            runtime.line.give(event_reply(event))
            assert json.loads(bytes(runtime.line.take())) == json.loads(event)


@pytest.mark.parametrize("size", [128, 100_000, 5_000_000])
def test_events_have_their_size(size: int) -> None:
    """Within a record, and they are JSON."""
    event = make_event(size)
    assert abs(len(event) - size) < 200
    assert json.loads(event)["records"]


def test_a_stream_is_read_to_its_end() -> None:
    """Also when the end comes in pieces, and not at what looks like one."""
    api = QuickRuntimeAPI()
    with socket.create_connection(("127.0.0.1", int(api.address.rpartition(":")[2]))) as runtime:
        line = api.accept()
        head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        parts = [head, b"5\r\nab\r\n0\r\n", b"1\r\nx\r\n0\r", b"\n\r\n"]

        def send() -> None:
            for part in parts:
                runtime.sendall(part)

        sender = threading.Thread(target=send)
        begin = time.perf_counter()
        sender.start()
        first, count = line.take_stream()
        sender.join()
    line.close()
    api.close()
    assert first > begin
    assert count == sum(map(len, parts))


def test_a_runtime_that_hangs_up_is_noticed() -> None:
    """It is an error, not an endless wait."""
    api = QuickRuntimeAPI()
    with socket.create_connection(("127.0.0.1", int(api.address.rpartition(":")[2]))):
        line = api.accept()
    with pytest.raises(RuntimeGone):
        line.serve(TAKEN, 1)
    line.close()
    api.close()
