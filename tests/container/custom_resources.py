"""Closed schemas of the custom resources in the manifests: the fields that are used, in their types, and no others.

Field names are those of the published definitions: Knative Serving v1, KEDA v1alpha1 and its HTTP add-on v1beta1.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Closed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """No other fields."""


class Metadata(_Closed, frozen=True, kw_only=True):
    """Of any object."""

    name: Text
    annotations: dict[str, str] = {}


class EnvVar(_Closed, frozen=True, kw_only=True):
    """Values are text: a number would be refused."""

    name: Text
    value: str


class Port(_Closed, frozen=True, kw_only=True):
    """Knative allows one, and these names for it."""

    container_port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    name: Literal["", "http1", "h2c"] = ""


class HttpGet(_Closed, frozen=True, kw_only=True):
    """What a probe asks for."""

    path: Text
    port: int


class Probe(_Closed, frozen=True, kw_only=True):
    """A probe by HTTP."""

    http_get: HttpGet


class KnativeContainer(_Closed, frozen=True, kw_only=True):
    """The one container; core types that Kubernetes' own schemas check elsewhere stay open."""

    image: Text
    ports: Annotated[list[Port], msgspec.Meta(max_length=1)]
    env: list[EnvVar]
    readiness_probe: Probe
    liveness_probe: Probe
    resources: dict[str, dict[str, str]]
    security_context: dict[str, Any]
    volume_mounts: list[dict[str, str]]


class RevisionSpec(_Closed, frozen=True, kw_only=True):
    """There is no terminationGracePeriodSeconds: it follows timeoutSeconds."""

    container_concurrency: Count
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1)]
    enable_service_links: bool
    containers: Annotated[list[KnativeContainer], msgspec.Meta(min_length=1)]
    volumes: list[dict[str, Any]]


class RevisionTemplate(_Closed, frozen=True, kw_only=True):
    """What each revision is made of."""

    metadata: dict[str, dict[str, str]]
    spec: RevisionSpec


class KnativeServiceSpec(_Closed, frozen=True, kw_only=True):
    """Of a service without traffic rules."""

    template: RevisionTemplate


class KnativeService(_Closed, frozen=True, kw_only=True):
    """serving.knative.dev/v1 Service."""

    api_version: Literal["serving.knative.dev/v1"]
    kind: Literal["Service"]
    metadata: Metadata
    spec: KnativeServiceSpec


class Target(_Closed, frozen=True, kw_only=True):
    """A Kubernetes service behind the interceptor."""

    service: Text
    port: int


class Rule(_Closed, frozen=True, kw_only=True):
    """Which calls are meant."""

    hosts: Annotated[list[Text], msgspec.Meta(min_length=1)]


class InterceptorRouteSpec(_Closed, frozen=True, kw_only=True):
    """Where calls go, and how many of them a replica is good for."""

    target: Target
    rules: list[Rule]
    scaling_metric: dict[Literal["concurrency"], dict[Literal["targetValue"], Count]]


class InterceptorRoute(_Closed, frozen=True, kw_only=True):
    """http.keda.sh/v1beta1 InterceptorRoute."""

    api_version: Literal["http.keda.sh/v1beta1"]
    kind: Literal["InterceptorRoute"]
    metadata: Metadata
    spec: InterceptorRouteSpec


class Trigger(_Closed, frozen=True, kw_only=True):
    """Its metadata is text throughout."""

    type: Literal["external-push", "nats-jetstream"]
    metadata: dict[str, str]


class ScaledObjectSpec(_Closed, frozen=True, kw_only=True):
    """How far, and by what."""

    scale_target_ref: dict[Literal["name"], str]
    min_replica_count: Count
    max_replica_count: Count
    cooldown_period: Count
    triggers: Annotated[list[Trigger], msgspec.Meta(min_length=1)]


class ScaledObject(_Closed, frozen=True, kw_only=True):
    """keda.sh/v1alpha1 ScaledObject."""

    api_version: Literal["keda.sh/v1alpha1"]
    kind: Literal["ScaledObject"]
    metadata: Metadata
    spec: ScaledObjectSpec
