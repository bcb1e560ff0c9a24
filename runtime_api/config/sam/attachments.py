"""What resources of their own say of a function in plain CloudFormation: versions, aliases, URLs, asynchronous invocation.

They are read in this order, whatever their order in the template: versions have numbers, aliases name versions, and the others name either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runtime_api.config.document import Document, KeyPath, did_you_mean
from runtime_api.config.sam.declared import DeclaredAlias, DeclaredFunction
from runtime_api.config.sam.intrinsics import Intrinsics
from runtime_api.config.sam.properties import AliasProperties, EventInvoke, Url, VersionProperties
from runtime_api.config.sam.values import event_invoke_config, url_config
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function_name import parse_reference
from runtime_api.protocol.function.url_config import UrlConfig
from runtime_api.protocol.invoke.errors import InvokeError
from runtime_api.protocol.names import VERSION_LATEST


class Attachments:
    """Reads them into the functions declared, by name; functions that were not chosen are passed over."""

    def __init__(self, document: Document, intrinsics: Intrinsics, functions: Mapping[str, DeclaredFunction]) -> None:
        self._document = document
        self._intrinsics = intrinsics
        self._functions = functions
        self._versions: dict[str, str] = {}

    def read(self) -> None:
        """All of them; raises ConfigurationError."""
        kinds: dict[str, Callable[[str, KeyPath], None]] = {
            "AWS::Lambda::Version": self._version,
            "AWS::Lambda::Alias": self._alias,
            "AWS::Lambda::Url": self._url,
            "AWS::Lambda::EventInvokeConfig": self._event_invoke,
        }
        for kind, read in kinds.items():
            for logical_id, path in self._resources(kind):
                read(logical_id, path)

    def _resources(self, kind: str) -> Iterator[tuple[str, KeyPath]]:
        for logical_id, resource in self._document.data["Resources"].items():
            path: KeyPath = ("Resources", logical_id)
            if resource.get("Type") == kind and self._intrinsics.is_wanted(resource, path):
                yield logical_id, (*path, "Properties")

    def _raw(self, logical_id: str) -> dict[str, Any]:
        return self._document.data["Resources"][logical_id].get("Properties") or {}

    def _version(self, logical_id: str, path: KeyPath) -> None:
        properties = self._intrinsics.struct(self._raw(logical_id), path, VersionProperties)
        function = self._function(properties.function_name, (*path, "FunctionName"))
        if function is not None:
            provisioned = properties.provisioned_concurrency_config
            count = provisioned.provisioned_concurrent_executions if provisioned else None
            own = Settings(url=False, provisioned_concurrency=count, init_type=function.published_init_type)
            self._versions[logical_id] = function.publish(own)

    def _alias(self, logical_id: str, path: KeyPath) -> None:
        raw = self._with_versions(self._raw(logical_id))
        properties = self._intrinsics.struct(raw, path, AliasProperties)
        function = self._function(properties.function_name, (*path, "FunctionName"))
        if function is not None:
            provisioned = properties.provisioned_concurrency_config
            routing = properties.routing_config
            function.aliases[properties.name] = DeclaredAlias(
                str(properties.function_version),
                path,
                {str(one.function_version): one.function_weight for one in routing.additional_version_weights}
                if routing
                else {},
                provisioned.provisioned_concurrent_executions if provisioned else 0,
            )

    def _with_versions(self, value: Any) -> Any:  # noqa: ANN401
        """A value in which the numbers of versions are no longer asked of their resources."""
        if isinstance(value, list):
            return [self._with_versions(item) for item in value]
        if not isinstance(value, dict):
            return value
        asked = value.get("Fn::GetAtt")
        if isinstance(asked, list) and len(asked) == 2 and asked[1] == "Version" and str(asked[0]) in self._versions:
            return self._versions[str(asked[0])]
        return {name: self._with_versions(item) for name, item in value.items()}

    def _url(self, logical_id: str, path: KeyPath) -> None:
        properties = self._intrinsics.struct(self._raw(logical_id), path, Url)
        target = (*path, "TargetFunctionArn")
        function = self._function(properties.target_function_arn, target)
        if function is not None:
            self._attach(function, properties.qualifier, path, url=url_config(self._document, properties, path))

    def _event_invoke(self, logical_id: str, path: KeyPath) -> None:
        properties = self._intrinsics.struct(self._with_versions(self._raw(logical_id)), path, EventInvoke)
        function = self._function(properties.function_name, (*path, "FunctionName"))
        if function is not None:
            config = event_invoke_config(self._document, properties, path, function.name)
            self._attach(function, properties.qualifier, path, event_invoke=config)

    def _attach(
        self,
        function: DeclaredFunction,
        qualifier: str | None,
        path: KeyPath,
        url: UrlConfig | None = None,
        event_invoke: EventInvokeConfig | None = None,
    ) -> None:
        """Give a URL, or settings of asynchronous invocations, to what a qualifier names."""
        own = Settings(url=url, event_invoke=event_invoke)
        if qualifier in (None, VERSION_LATEST):
            function.latest = own.over(function.latest)
        elif qualifier in function.aliases:
            alias = function.aliases[qualifier]
            alias.url, alias.event_invoke = url or alias.url, event_invoke or alias.event_invoke
        elif qualifier in function.versions and url is None:
            function.versions[qualifier] = own.over(function.versions[qualifier])
        else:
            known = [VERSION_LATEST, *function.aliases, *([] if url else function.versions)]
            raise self._document.error(
                (*path, "Qualifier"),
                f"function {function.name} has no {qualifier} for this{did_you_mean(str(qualifier), known)}",
            )

    def _function(self, reference: str | None, path: KeyPath) -> DeclaredFunction | None:
        try:
            return self._functions.get(parse_reference(reference or "").name)
        except InvokeError:
            raise self._document.error(path, f"{reference} is no name and no ARN of a function") from None
