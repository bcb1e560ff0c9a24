"""The Shutdown phase: how long the programs of a sandbox have to end by themselves, and what they are told before they are killed.

Strategy: without a registered extension there is no phase, and everything is killed at once. With one, the runtime hears SIGTERM;
once it has left, or its share of the time is over, the external extensions that subscribed get a SHUTDOWN event, and what is left of
the time is theirs. External extensions that did not subscribe are not waited for.
Source: the Developer Guide's lambda-runtime-environment page; the runtime's share from AWS's sample graceful-shutdown-with-aws-lambda.
"""

from __future__ import annotations

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.extension.messages import ShutdownReason, shutdown_event
from runtime_api.protocol.limits import SHUTDOWN_EXTERNAL_MS, SHUTDOWN_INTERNAL_MS, SHUTDOWN_RUNTIME_MS
from runtime_api.sandbox.clock import wait_at_most
from runtime_api.sandbox.endpoint.extensions import Extensions
from runtime_api.sandbox.programs import Program, Programs
from runtime_api.telemetry.api.subscriptions import TelemetryApi


async def say_goodbye(
    programs: Programs, extensions: Extensions, telemetry: TelemetryApi, reason: ShutdownReason, clock: Clock
) -> None:
    """Return when all that may take its time has ended, or the time is over; what still runs then is for the caller to kill."""
    budget_ms = SHUTDOWN_EXTERNAL_MS if extensions.has_external else SHUTDOWN_INTERNAL_MS
    over_ms, deadline_ms = clock.monotonic_ms() + budget_ms, int(clock.time_ms() + budget_ms)
    if programs.runtime is not None:
        await _terminate(programs.runtime, SHUTDOWN_RUNTIME_MS if extensions.has_external else budget_ms, clock)
        programs.runtime.drain()
    # What waits for subscribers comes before the event that has them leave; one that takes nothing costs half of the time.
    await telemetry.flush((over_ms - clock.monotonic_ms()) / 2)
    told = extensions.shut_down(shutdown_event(reason, deadline_ms))
    for name, program in programs.external.items():
        if name not in told:
            program.group.kill()
    leaving = [programs.external[name].group.exited for name in told]
    await wait_at_most(clock, over_ms - clock.monotonic_ms(), leaving)


async def _terminate(runtime: Program, limit_ms: float, clock: Clock) -> None:
    runtime.group.terminate()
    await wait_at_most(clock, limit_ms, [runtime.group.exited])
    runtime.group.kill()
