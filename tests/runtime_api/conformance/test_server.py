"""Our own server conforms, in every feature there is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runtime_api.conformance.cases import FEATURES, Level
from runtime_api.conformance.runner import Runner
from runtime_api.conformance.server.catalogue import SERVER_CASES
from runtime_api.conformance.server_stage.stage import play
from runtime_api.conformance.server_stage.target import ServerPace, SpawnedServers
from runtime_api.conformance.verdicts import Verdict

SERVE = ("serve", "{task}", "--port", "{port}", "--name", "{function}", "--timeout", "{timeout}")
OPTIONS = {
    "tenant": ("--tenant-isolation",),
    "reserved-concurrency": ("--concurrency", "1"),
    "async-retries": ("--time-scale", "600"),
}
PACE = ServerPace(idle_s=1.0, timeout_s=2)


def our_server() -> SpawnedServers:
    """`pilotlight serve` as the suite starts it."""
    program = str(Path(sys.executable).with_name("pilotlight"))
    return SpawnedServers((program, *SERVE), features=frozenset(FEATURES), options=OPTIONS)


async def verdicts_on(servers: SpawnedServers, *patterns: str) -> list[Verdict]:
    """What the judges say of some cases."""
    runner = Runner(SERVER_CASES.select(patterns), FEATURES, lambda scenario: play(scenario, servers, PACE), 4)
    return await runner.run()


async def test_our_server_meets_the_first_cases() -> None:
    """Started as a user starts it."""
    verdicts = await verdicts_on(our_server(), "SV-NEXT-001", "SV-RESP-002", "SV-ERR-002")
    assert [verdict for verdict in verdicts if not verdict.is_met] == []


@pytest.mark.slow
async def test_our_server_meets_every_case() -> None:
    """Whatever the level."""
    judged = [verdict for verdict in await verdicts_on(our_server()) if verdict.case.level is not Level.INFO]
    assert [verdict for verdict in judged if not verdict.is_met] == []
