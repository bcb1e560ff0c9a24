"""LOG: what the function prints and logs."""

from __future__ import annotations

from collections.abc import Iterator

from runtime_api.conformance.cases import MAY, SHOULD, Section, scenario
from runtime_api.conformance.messages import strict_json
from runtime_api.conformance.runtime.boot import REACHES_API
from runtime_api.conformance.runtime_stage.event import op
from runtime_api.conformance.runtime_stage.record import Process, Run
from runtime_api.conformance.runtime_stage.stage import Stage
from runtime_api.conformance.sources import ENVIRONMENT, LOG_FORMAT
from runtime_api.conformance.verdicts import World
from runtime_api.protocol.names import ENV_LOG_FORMAT

LOG = Section("RT-LOG", "what is printed")

# Longer than what a runtime may print of its own at each event.
_PRINTED = "printed by the handler " * 100
_LOGGED = 'logged by the handler, in "two"\nlines'


@scenario("printing")
async def printing(stage: Stage) -> None:
    """Two events for a handler that prints."""
    await stage.start()
    await stage.serve(op("print", text=_PRINTED), op("print", text=_PRINTED))


@scenario("json-log")
async def json_log(stage: Stage) -> None:
    """Two events for a handler that logs, where the log is to be JSON."""
    await stage.start(environment={ENV_LOG_FORMAT: "JSON"})
    await stage.serve(op("log", text=_LOGGED), op("log", text=_LOGGED))


@LOG.case(
    "RT-LOG-001", "flush-before-answer", SHOULD, "C", refs=[ENVIRONMENT], needs=[printing], depends_on=[REACHES_API]
)
def flushed_before_answer(world: World, run: Run) -> None:
    """What a handler prints is out of the process before its answer is.

    As soon as the answer is taken the process may be frozen. The handler prints a line of 2,300 characters; it has to be in the pipe
    when the answer is here.
    """
    for invocation in run.invocations:
        if world.check(invocation.answer, "an answer", run.story) and invocation.answer:
            out = invocation.answer.output_bytes - invocation.poll.output_bytes
            world.check(out >= len(_PRINTED), f"{len(_PRINTED)} bytes of output before the answer", f"{out} bytes")
    world.check(run.invocations, "the event taken", run.story)
    world.check(_PRINTED.strip().encode() in _output(run.process), "the line in the output", run.process.stdout[-300:])


@LOG.case(
    "RT-LOG-002",
    "json-logs",
    MAY,
    "D",
    refs=[LOG_FORMAT],
    needs=[json_log],
    features=["json-logs"],
    depends_on=[REACHES_API],
)
def logs_json(world: World, run: Run) -> None:
    """With AWS_LAMBDA_LOG_FORMAT=JSON what the handler logs is one JSON object a line, with the request id.

    The text has a line feed and quotes in it. The request id may be the value of any member, because runtimes call it differently.
    """
    found = [record for record in _records(run.process) if _LOGGED in record.values()]
    expected = "an object with the logged text, in a line of its own, for each event"
    if world.check(found and len(found) == len(run.invocations), expected, _output(run.process)[-300:]):
        for invocation, record in zip(run.invocations, found, strict=True):
            has_id = invocation.event.request_id in record.values()
            world.check(has_id, f"the request id {invocation.event.request_id} in the object", record)


def _output(process: Process) -> bytes:
    return process.stdout + b"\n" + process.stderr


def _records(process: Process) -> Iterator[dict[str, object]]:
    for line in _output(process).splitlines():
        record = strict_json(line)
        if isinstance(record, dict):
            yield record
