"""A function while its template is read: what is said of it may stand in several resources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from runtime_api.config.discovery import function_in
from runtime_api.config.document import Document, KeyPath
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.alias import Alias, check_alias, check_reserved_concurrency
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import Function, InitKind
from runtime_api.protocol.function.url_config import UrlConfig
from runtime_api.protocol.names import VERSION_LATEST

# Where the structs' members stand in a template.
KEYS: dict[str, KeyPath] = {
    "name": ("FunctionName",),
    "timeout_ms": ("Timeout",),
    "memory_mb": ("MemorySize",),
    "tmp_mb": ("EphemeralStorage", "Size"),
    "environment": ("Environment", "Variables"),
    "handler": ("Handler",),
    "layers": ("Layers",),
    "concurrency": ("ReservedConcurrentExecutions",),
    "provisioned_concurrency": ("ProvisionedConcurrencyConfig",),
    "max_concurrency": ("CapacityProviderConfig",),
    "init_type": ("SnapStart",),
    "log_format": ("LoggingConfig",),
    "recursive_loop": ("RecursiveLoop",),
    "url": ("FunctionUrlConfig",),
    "version": ("FunctionVersion",),
    "additional_weights": ("RoutingConfig",),
    "auth_type": ("AuthType",),
    "invoke_mode": ("InvokeMode",),
    "allow_headers": ("AllowHeaders",),
    "allow_methods": ("AllowMethods",),
    "allow_origins": ("AllowOrigins",),
    "expose_headers": ("ExposeHeaders",),
    "max_age_s": ("MaxAge",),
    "maximum_retry_attempts": ("MaximumRetryAttempts",),
    "maximum_event_age_ms": ("MaximumEventAgeInSeconds",),
    "on_success": ("DestinationConfig", "OnSuccess", "Destination"),
    "on_failure": ("DestinationConfig", "OnFailure", "Destination"),
    "dead_letter_target": (),
}


@dataclass
class DeclaredAlias:
    """An alias, and where it stands."""

    version: str
    path: KeyPath
    weights: dict[str, float] = field(default_factory=dict)
    provisioned: int = 0
    url: UrlConfig | None = None
    event_invoke: EventInvokeConfig | None = None


@dataclass
class DeclaredFunction:
    """A function: `settings` is what all its versions have, `latest` and `versions` what each has of its own."""

    name: str
    path: KeyPath
    folder: Path
    settings: Settings
    latest: Settings = field(default_factory=lambda: Settings(url=False))
    versions: dict[str, Settings] = field(default_factory=dict)
    aliases: dict[str, DeclaredAlias] = field(default_factory=dict)
    published_init_type: InitKind | None = None

    def publish(self, own: Settings) -> str:
        """One more version; its number."""
        version = str(len(self.versions) + 1)
        self.versions[version] = own
        return version

    def functions(self, flags: Settings, document: Document) -> list[Function]:
        """$LATEST and the published versions; raises ConfigurationError."""
        owns = {VERSION_LATEST: self.latest, **self.versions}
        return [self._function(version, own, flags, document) for version, own in owns.items()]

    def named(self, versions: list[Function], document: Document) -> Iterator[Alias]:
        """The aliases; raises ConfigurationError."""
        by_version = {function.version: function for function in versions}
        for name, declared in self.aliases.items():
            with document.at(declared.path, KEYS | {"name": ("Name",)}):
                alias = Alias(
                    function_name=self.name,
                    name=name,
                    version=declared.version,
                    additional_weights=declared.weights,
                    provisioned_concurrency=declared.provisioned,
                    url=declared.url,
                    event_invoke=declared.event_invoke,
                )
                check_alias(alias, by_version)
            yield alias

    def read(self, flags: Settings, document: Document) -> tuple[list[Function], list[Alias]]:
        """All of it; raises ConfigurationError."""
        functions = self.functions(flags, document)
        aliases = list(self.named(functions, document))
        with document.at(self.path, KEYS):
            check_reserved_concurrency(functions, aliases)
        return functions, aliases

    def _function(self, version: str, own: Settings, flags: Settings, document: Document) -> Function:
        settings = flags.over(own).over(self.settings)
        settings = msgspec.structs.replace(settings, name=self.name)
        with document.at(self.path, KEYS):
            function = function_in(self.folder, settings, version)
        if function is None:
            raise document.error(self.path, f"no handler was found in {self.folder}: name it with Handler")
        return function
