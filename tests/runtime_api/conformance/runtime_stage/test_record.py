from __future__ import annotations

from runtime_api.conformance.messages import Reply, Request
from runtime_api.conformance.runtime_stage.event import event
from runtime_api.conformance.runtime_stage.record import Call, Exchange, Process, Run


def exchange(call: Call, method: str = "", target: str = "", **more: str) -> Exchange:
    """A request that was answered 404."""
    return Exchange(Request(1, 0.0, method, target, **more), call, "", 0, Reply(404))  # type: ignore[arg-type]


def polled(process: Process) -> Run:
    """A run of four seconds in which an event was handed out after one."""
    poll = exchange(Call.NEXT)
    poll.event, poll.replied_ms = event("x"), 1000.0
    return Run(exchanges=[poll], processes=[process], over_ms=4000.0)


def test_requests_that_are_none_of_the_runtime_api_are_named() -> None:
    """A wrong path is what their author looks for."""
    others = [
        exchange(Call.OTHER, "POST", "/2018-06-01/runtime/init/errors"),
        exchange(Call.OTHER, malformed="no method"),
    ]
    run = Run(exchanges=[*others, *(exchange(Call.OTHER, "GET", "/ping") for _ in range(2))], processes=[Process()])
    told = "POST /2018-06-01/runtime/init/errors, answered 404; malformed: no method, answered 404; GET /ping, answered 404; …"
    assert run.story == f"4 x any other ({told}); the process still runs"


def test_an_answer_that_did_not_come_is_told_with_how_long_it_was_waited_for() -> None:
    """And with what became of the process; what one that goes on has printed is not taken for the reason."""
    lasting = polled(Process(stderr=b"about another event", ended_by_us="the scenario was over"))
    told = "no answer in 3.0 s; the process ran until the suite ended it: the scenario was over"
    assert repr(lasting.result(0)) == told
    gone = polled(Process(status=1, ended_ms=1500.0, stderr=b"the reason"))
    assert repr(gone.result(0)) == "no answer in 0.5 s; the process exited with status 1; last on stderr: the reason"


def test_the_last_lines_on_stderr_are_told() -> None:
    """Three of them, each as far as there is room; only a line feed ends one."""
    lines = ["first", "Error: on\x0bpurpose\u2028", "", "y" * 130, "Node.js v20.20.2\r"]
    story = Run(processes=[Process(stderr="\n".join(lines).encode())]).story
    assert story.endswith(f"; last on stderr: … | Error: on\x0bpurpose | {'y' * 120}… | Node.js v20.20.2")
