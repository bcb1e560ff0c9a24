"""The properties of resources that mean something here, as structs. What a template leaves out is None.

Source: AWS::Serverless::Function in the SAM Developer Guide, and the AWS::Lambda resources of the CloudFormation template reference.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from runtime_api.protocol.function.function import ApplicationLogLevel, RecursiveLoopKind, SystemLogLevel
from runtime_api.protocol.function.url_config import AuthType, InvokeMode


class _Properties(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Members in snake case, keys as the template writes them; other keys are passed over."""


class EphemeralStorage(_Properties, frozen=True, kw_only=True):
    """In MB."""

    size: int


class Cors(_Properties, frozen=True, kw_only=True):
    """`max_age` in seconds."""

    allow_credentials: bool | None = None
    allow_headers: tuple[str, ...] | None = None
    allow_methods: tuple[str, ...] | None = None
    allow_origins: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age: int | None = None


class Url(_Properties, frozen=True, kw_only=True):
    """FunctionUrlConfig, and AWS::Lambda::Url with its target."""

    auth_type: AuthType
    invoke_mode: InvokeMode | None = None
    cors: Cors | None = None
    target_function_arn: str | None = None
    qualifier: str | None = None


class Destination(_Properties, frozen=True, kw_only=True):
    """One destination, by its ARN."""

    destination: str


class DestinationConfig(_Properties, frozen=True, kw_only=True):
    """Where records of asynchronous invocations go."""

    on_success: Destination | None = None
    on_failure: Destination | None = None


class EventInvoke(_Properties, frozen=True, kw_only=True):
    """EventInvokeConfig, and AWS::Lambda::EventInvokeConfig with its function."""

    maximum_retry_attempts: int | None = None
    maximum_event_age_in_seconds: int | None = None
    destination_config: DestinationConfig | None = None
    function_name: str | None = None
    qualifier: str | None = None


class DeadLetter(_Properties, frozen=True, kw_only=True):
    """DeadLetterQueue of SAM, DeadLetterConfig of CloudFormation."""

    target_arn: str


class Provisioned(_Properties, frozen=True, kw_only=True):
    """ProvisionedConcurrencyConfig, whose member has either name."""

    provisioned_concurrent_executions: int


class SnapStart(_Properties, frozen=True, kw_only=True):
    """Which versions are restored from snapshots."""

    apply_on: Literal["PublishedVersions", "None"]


class Logging(_Properties, frozen=True, kw_only=True):
    """LoggingConfig."""

    log_format: Literal["Text", "JSON"] | None = None
    application_log_level: ApplicationLogLevel | None = None
    system_log_level: SystemLogLevel | None = None


class Tenancy(_Properties, frozen=True, kw_only=True):
    """TenancyConfig."""

    tenant_isolation_mode: Literal["PER_TENANT"]


class ManagedInstances(_Properties, frozen=True, kw_only=True):
    """How many invocations one sandbox takes at once."""

    per_execution_environment_max_concurrency: int | None = None


class CapacityProvider(ManagedInstances, frozen=True, kw_only=True):
    """CapacityProviderConfig: SAM has the members here, CloudFormation one level deeper."""

    lambda_managed_instances_capacity_provider_config: ManagedInstances | None = None


class FunctionProperties(_Properties, frozen=True, kw_only=True):
    """A function, of either kind of template."""

    function_name: str | None = None
    code_uri: str | dict[str, Any] | None = None
    code: str | dict[str, Any] | None = None
    inline_code: str | None = None
    package_type: str | None = None
    handler: str | None = None
    runtime: str | None = None
    timeout: int | None = None
    memory_size: int | None = None
    ephemeral_storage: EphemeralStorage | None = None
    layers: tuple[str, ...] | None = None
    function_url_config: Url | None = None
    event_invoke_config: EventInvoke | None = None
    dead_letter_queue: DeadLetter | None = None
    dead_letter_config: DeadLetter | None = None
    reserved_concurrent_executions: int | None = None
    provisioned_concurrency_config: Provisioned | None = None
    auto_publish_alias: str | None = None
    snap_start: SnapStart | None = None
    logging_config: Logging | None = None
    recursive_loop: RecursiveLoopKind | None = None
    tenancy_config: Tenancy | None = None
    capacity_provider_config: CapacityProvider | None = None


class Weight(_Properties, frozen=True, kw_only=True):
    """A version's share of an alias's calls."""

    function_version: str | int
    function_weight: float


class Routing(_Properties, frozen=True, kw_only=True):
    """RoutingConfig of an alias."""

    additional_version_weights: tuple[Weight, ...] = ()


class AliasProperties(_Properties, frozen=True, kw_only=True):
    """AWS::Lambda::Alias."""

    function_name: str
    function_version: str | int
    name: str
    provisioned_concurrency_config: Provisioned | None = None
    routing_config: Routing | None = None


class VersionProperties(_Properties, frozen=True, kw_only=True):
    """AWS::Lambda::Version."""

    function_name: str
    provisioned_concurrency_config: Provisioned | None = None
