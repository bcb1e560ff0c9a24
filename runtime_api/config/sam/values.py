"""From structs of properties to the platform's own; each raises ConfigurationError."""

from __future__ import annotations

from runtime_api.config.document import Document, KeyPath
from runtime_api.config.sam import properties
from runtime_api.config.sam.declared import KEYS
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import LogFormatKind
from runtime_api.protocol.function.url_config import Cors, UrlConfig

# The default of Managed Instances for Python on one vCPU.
_DEFAULT_MAX_CONCURRENCY = 16


def url_config(document: Document, url: properties.Url, path: KeyPath) -> UrlConfig:
    """A function URL."""
    with document.at(path, KEYS):
        return UrlConfig(
            auth_type=url.auth_type,
            invoke_mode=url.invoke_mode or "BUFFERED",
            cors=_cors(document, url.cors, (*path, "Cors")) if url.cors is not None else None,
        )


def _cors(document: Document, cors: properties.Cors, path: KeyPath) -> Cors:
    with document.at(path, KEYS):
        return Cors(
            allow_credentials=bool(cors.allow_credentials),
            allow_headers=cors.allow_headers or (),
            allow_methods=cors.allow_methods or (),
            allow_origins=cors.allow_origins or (),
            expose_headers=cors.expose_headers or (),
            max_age_s=cors.max_age,
        )


def event_invoke_config(
    document: Document, config: properties.EventInvoke, path: KeyPath, function_name: str
) -> EventInvokeConfig:
    """What becomes of asynchronous invocations of a function."""
    to = config.destination_config or properties.DestinationConfig()
    said = {
        "maximum_retry_attempts": config.maximum_retry_attempts,
        "maximum_event_age_ms": _ms(config.maximum_event_age_in_seconds),
    }
    with document.at(path, KEYS):
        made = EventInvokeConfig(
            **{name: value for name, value in said.items() if value is not None},
            on_success=to.on_success.destination if to.on_success else None,
            on_failure=to.on_failure.destination if to.on_failure else None,
        )
    document.note_destinations(function_name, made, path, KEYS)
    return made


def max_concurrency(config: properties.CapacityProvider | None) -> int | None:
    """How many invocations one sandbox takes at once, on a capacity provider; None without one."""
    if config is None:
        return None
    inner = config.lambda_managed_instances_capacity_provider_config or config
    return inner.per_execution_environment_max_concurrency or _DEFAULT_MAX_CONCURRENCY


def log_format(logging: properties.Logging | None) -> LogFormatKind | None:
    """In our own words."""
    if logging is None or logging.log_format is None:
        return None
    return "json" if logging.log_format == "JSON" else "text"


def _ms(seconds: int | None) -> int | None:
    return seconds * 1000 if seconds is not None else None
