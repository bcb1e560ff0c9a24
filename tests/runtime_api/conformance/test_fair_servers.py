"""Servers that do things in another way than most, and a right one: what is only their way is no finding."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace

import pytest

from runtime_api.conformance.cases import Case
from runtime_api.conformance.server.catalogue import SERVER_CASES
from runtime_api.conformance.server_stage import switchboard
from runtime_api.conformance.verdicts import Status

from .mutants.server_reference import Invocation, Reply, Request, Sandbox, Server, is_json, server_of
from .server_runs import verdicts_on


def cases(*ids: str) -> list[Case]:
    """Those of these ids."""
    return [SERVER_CASES[name] for name in ids]


class WritesAnew(Server):
    """What passes through it is the same JSON in other bytes."""

    def shape(self, call: str, reply: Reply) -> Reply:
        return (
            replace(reply, body=json.dumps(json.loads(reply.body), indent=1).encode()) if is_json(reply.body) else reply
        )


async def test_json_written_anew_is_a_should_that_is_not_met() -> None:
    """Wherever a document is passed on: nobody can tell it from the one that was sent, but by its bytes."""
    ids = ("SV-NEXT-008", "SV-RESP-002", "SV-ERR-001", "SV-INIT-005", "SV-ASYN-003")
    verdicts = await verdicts_on(WritesAnew, cases(*ids))
    assert {name: verdict.status for name, verdict in verdicts.items()} == dict.fromkeys(ids, Status.WARN)


class EndsAfterReason(Sandbox):
    """An error of initialisation is taken, and is the end of the sandbox."""

    def init_fail(self, request: Request) -> Reply:
        reply = super().init_fail(request)
        self.kill()
        return reply


class EndsAtReason(Sandbox):
    """It is the end of the sandbox so soon that no answer gets there; the same with an extension's."""

    def init_fail(self, request: Request) -> Reply:
        super().init_fail(request)
        self.kill()
        raise ConnectionResetError

    def extension_error(self, request: Request) -> Reply:
        if super().extension_error(request).status == 202:
            self.kill()
            raise ConnectionResetError
        return super().extension_error(request)


@pytest.mark.parametrize("kind", [EndsAfterReason, EndsAtReason])
async def test_an_error_of_initialisation_may_end_the_sandbox(kind: type[Sandbox]) -> None:
    """What comes after it is lost then, and so may its own answer be; the caller is told all the same."""
    ids = ("SV-INIT-001", "SV-INIT-002", "SV-INIT-004", "SV-INIT-005", "SV-EXT-019")
    verdicts = await verdicts_on(server_of(kind), cases(*ids))
    assert [verdict for verdict in verdicts.values() if not verdict.is_met] == []


class EndsLate(Sandbox):
    """A sandbox that timed out is ended a while after its caller is told."""

    def time_out(self, invocation: Invocation) -> None:
        if not invocation.outcome.done():
            self.is_over = True
            invocation.settle(self.error_of("Sandbox.Timedout", "Task timed out"))
            asyncio.get_running_loop().call_later(0.2, self.kill)


async def test_a_runtime_that_is_about_to_be_ended_is_not_taken_for_the_next_one() -> None:
    """It is there when the next call comes, but the event is another one's."""
    verdicts = await verdicts_on(server_of(EndsLate), cases("SV-TIME-001", "SV-TIME-002"))
    assert [verdict for verdict in verdicts.values() if not verdict.is_met] == []


class Freezes(Sandbox):
    """It is stopped once it has answered and polls, and goes on with the next event."""

    async def parked(self, poll: asyncio.Future[Reply], request: Request) -> Reply:
        # With the next event at hand, the polls of the extensions are still to come through it.
        if self.answered and self.current is None:
            self.send(signal.SIGSTOP)
        return await super().parked(poll, request)

    def maybe_hand_out(self) -> None:
        if self.current is not None:
            self.send(signal.SIGCONT)
        super().maybe_hand_out()

    def send(self, number: int) -> None:
        """Send the process a signal."""
        if self.process is not None and self.process.returncode is None:
            os.kill(self.process.pid, number)


async def test_a_sandbox_that_is_frozen_is_not_blamed_for_what_cannot_be_done_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An order that nobody carries out is given up, and the case says why it could not be seen."""
    monkeypatch.setattr(switchboard, "_ORDER_S", 0.2)
    [unseen] = (await verdicts_on(server_of(Freezes), cases("SV-NEXT-012"))).values()
    assert (unseen.status, unseen.findings) == (Status.NOT_APPLICABLE, ())
    assert unseen.notes == ("the sandbox is frozen, its connection cannot be dropped",)


async def test_a_sandbox_that_is_frozen_delivers_what_it_hears_when_it_goes_on() -> None:
    """Telemetry arrives with the next invocation."""
    verdicts = await verdicts_on(server_of(Freezes), cases("SV-TEL-002", "SV-TEL-008", "SV-TEL-012"))
    assert [verdict for verdict in verdicts.values() if not verdict.is_met] == []
