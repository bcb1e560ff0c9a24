"""Our own server conforms, in every feature there is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime_api.conformance.cases import FEATURES, Level
from runtime_api.conformance.runner import Runner
from runtime_api.conformance.runtime_stage.record import Process
from runtime_api.conformance.server.catalogue import SERVER_CASES
from runtime_api.conformance.server_stage.function_folder import fill_folder
from runtime_api.conformance.server_stage.stage import play
from runtime_api.conformance.server_stage.switchboard import Switchboard
from runtime_api.conformance.server_stage.target import Place, ServerPace, SpawnedServers, Target
from runtime_api.conformance.verdicts import Verdict
from runtime_api.frontend.platform import Platform
from runtime_api.protocol.function.function import Function

SERVE = ("serve", "{task}", "--port", "{port}", "--name", "{function}", "--timeout", "{timeout}")
PACE = ServerPace(idle_s=1.0, timeout_s=2)


class PlatformHere:
    """One platform in this process, for one scenario: what `pilotlight serve` runs, without the start of a process."""

    function = "function"
    features = frozenset(FEATURES)
    host = "127.0.0.1"

    async def serve(self, place: Place) -> PlatformHere:
        """Open it; the features that need an option have it."""
        self.record = Process()
        self.switchboard = Switchboard()
        await self.switchboard.open()
        self.timeout_s = float(place.timeout_s or 30)
        function = Function(
            name=self.function,
            task_root=str(fill_folder(place.folder / "task", self.switchboard.address)),
            runtime="provided",
            timeout_ms=int(self.timeout_s * 1000),
            concurrency=1 if place.feature == "reserved-concurrency" else None,
            tenant_isolation=place.feature == "tenant",
        )
        time_scale = 600 if place.feature == "async-retries" else 1
        # At that pace a sandbox would be idle for too long within a second.
        self.platform = Platform([function], time_scale=time_scale, idle_timeout_ms=None)
        await self.platform.__aenter__()
        self.port = int(self.platform.endpoint_url.rpartition(":")[2])
        return self

    async def end(self) -> None:
        """Close it."""
        self.switchboard.close()
        await self.platform.__aexit__(None, None, None)


async def verdicts_on(make: Callable[[], Target], *patterns: str) -> list[Verdict]:
    """What the judges say of some cases; a new server for every scenario."""
    runner = Runner(SERVER_CASES.select(patterns), FEATURES, lambda scenario: play(scenario, make(), PACE), 8)
    return await runner.run()


async def test_our_server_meets_the_first_cases() -> None:
    """Started as a user starts it."""
    program = str(Path(sys.executable).with_name("pilotlight"))
    verdicts = await verdicts_on(lambda: SpawnedServers((program, *SERVE)), "SV-NEXT-001", "SV-RESP-002", "SV-ERR-002")
    assert [verdict for verdict in verdicts if not verdict.is_met] == []


@pytest.mark.slow
async def test_our_server_meets_every_case() -> None:
    """Whatever the level."""
    judged = [verdict for verdict in await verdicts_on(PlatformHere) if verdict.case.level is not Level.INFO]
    assert [verdict for verdict in judged if not verdict.is_met] == []
