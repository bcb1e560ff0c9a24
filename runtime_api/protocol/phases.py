"""The phases a sandbox initialises in, and the types of initialization, by the names the environment and telemetry have for them.

Source: the Developer Guide's lambda-runtime-environment and telemetry-schema-reference pages.
"""

from __future__ import annotations

from enum import Enum

from runtime_api.protocol.limits import INIT_LIMIT_MS, LONG_INIT_LIMIT_MS


class InitPhase(str, Enum):
    """When an init takes place: before the first invocation, within one because the one before failed, or for a snapshot."""

    INIT = "init"
    INVOKE = "invoke"
    SNAP_START = "snap-start"


class InitializationType(str, Enum):
    """What a sandbox is initialised for; the value of AWS_LAMBDA_INITIALIZATION_TYPE."""

    ON_DEMAND = "on-demand"
    PROVISIONED_CONCURRENCY = "provisioned-concurrency"
    SNAP_START = "snap-start"
    MANAGED_INSTANCES = "lambda-managed-instances"


def init_limit_ms(kind: InitializationType, timeout_ms: int) -> int:
    """How long an Init phase may take; `timeout_ms` is the function's timeout."""
    return INIT_LIMIT_MS if kind is InitializationType.ON_DEMAND else max(LONG_INIT_LIMIT_MS, timeout_ms)
