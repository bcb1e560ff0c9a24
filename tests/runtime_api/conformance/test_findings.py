"""What a report says of a defect: it names that one, and nothing that is not so."""

from __future__ import annotations

import asyncio
import re

from runtime_api.conformance.messages import strict_json
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from runtime_api.conformance.server.catalogue import SERVER_CASES
from runtime_api.conformance.verdicts import shown

from . import server_runs
from .mutant_runs import target_of, verdicts_on
from .mutants.server_reference import Reply, Request, Sandbox, Server


async def test_a_runtime_that_answers_twice_is_told_so_and_nothing_else() -> None:
    """It calls its handler once, and polls when it ought to."""
    names = ("RT-NEXT-004", "RT-NEXT-005", "RT-NEXT-006", "RT-RESP-002")
    verdicts = await verdicts_on(target_of("RT-RESP-002", 3), [RUNTIME_CASES[name] for name in names])
    (finding,) = verdicts.pop("RT-RESP-002").findings
    assert finding.actual == "40 of 50 answered twice, first the event number 0"
    assert [verdict for verdict in verdicts.values() if not verdict.is_met] == []


async def test_an_answer_under_a_wrong_id_is_told_as_it_was_posted() -> None:
    """With what the event got instead, in a line or two."""
    verdicts = await verdicts_on(target_of("RT-RESP-001", 1), [RUNTIME_CASES["RT-RESP-001"]])
    (finding,) = verdicts["RT-RESP-001"].findings
    assert finding.actual.startswith("event 1: no answer in ")
    assert re.search(r"\(POST /2018-06-01/runtime/invocation/[-0-9a-f]{36}/response, answered 202", finding.actual)
    assert len(finding.actual) < 600


def test_what_is_no_json_is_told_with_its_beginning() -> None:
    """Nobody has to look into the wire log for it."""
    assert shown(strict_json(b"[object Object]")).startswith("no JSON: [object Object] (Expecting value: ")


async def test_a_runtime_that_polls_ahead_is_not_judged_by_chance() -> None:
    """Whether a poll is there before a frozen runtime's answer depends on who is quicker."""
    cases = [RUNTIME_CASES[name] for name in ("RT-NEXT-002", "RT-NEXT-004", "RT-RESP-011")]
    verdicts = await verdicts_on(target_of("RT-NEXT-004", 1), cases)
    assert verdicts["RT-RESP-011"].is_met
    assert (verdicts["RT-NEXT-004"].status.value, verdicts["RT-NEXT-002"].blocked_by) == ("fail", "RT-NEXT-004")


class MeetsNoExpectation(Server):
    """Who expects a 100 is refused at once, and the body is not waited for."""

    async def expected(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")

    def new_sandbox(self) -> Sandbox:
        self.sandboxes.append(RefusesExpectation(self))
        return self.sandboxes[-1]


class RefusesExpectation(Sandbox):
    """The invocation is over with that."""

    async def respond(self, id: str, request: Request) -> Reply:  # noqa: A002
        assert self.current is not None
        self.current.settle(self.error_of("Runtime.Refused", "no answer was taken"))
        raise ConnectionResetError


async def test_a_refusal_before_the_body_is_told() -> None:
    """HTTP allows it; what is found wanting is the answer that came, not one that did not."""
    verdicts = await server_runs.verdicts_on(MeetsNoExpectation, [SERVER_CASES["SV-HTTP-004"]])
    first, *_ = verdicts["SV-HTTP-004"].findings
    assert first.actual == "417 b''"
