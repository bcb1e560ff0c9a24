"""The functions of a template: AWS::Serverless::Function with Globals, and AWS::Lambda::Function.

A SAM function that publishes an alias has its URL and its asynchronous invocations there, as SAM deploys it.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, cast

import msgspec

from runtime_api.config.document import Document, KeyPath, nearest
from runtime_api.config.sam.declared import DeclaredAlias, DeclaredFunction
from runtime_api.config.sam.interpreters import RUNNING, interpreter_called
from runtime_api.config.sam.intrinsics import Intrinsics, as_text
from runtime_api.config.sam.layers import layers_of
from runtime_api.config.sam.properties import FunctionProperties
from runtime_api.config.sam.values import event_invoke_config, log_format, max_concurrency, url_config
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.function import RuntimeKind

SERVERLESS_FUNCTION = "AWS::Serverless::Function"
FUNCTION_TYPES = (SERVERLESS_FUNCTION, "AWS::Lambda::Function")

_KNOWN = ("Environment", *(field.encode_name for field in msgspec.structs.fields(FunctionProperties)))
# By how much a key must look like one of ours before it is taken for a misspelling.
_ALIKE = 0.85


class FunctionReader:
    """Reads one function resource."""

    def __init__(self, document: Document, intrinsics: Intrinsics, logical_id: str, flags: Settings) -> None:
        self._document = document
        self._intrinsics = intrinsics
        self._logical_id = logical_id
        self._flags = flags
        self._resource: dict[str, Any] = document.data["Resources"][logical_id]
        self._path: KeyPath = ("Resources", logical_id, "Properties")
        self.warnings: list[str] = []

    def read(self) -> DeclaredFunction:
        """All that the resource itself says; raises ConfigurationError."""
        raw = self._with_globals()
        properties = self._intrinsics.struct(raw, self._path, FunctionProperties, leave=("Layers",))
        self._warn_of_misspellings(raw)
        declared = DeclaredFunction(
            name=self._intrinsics.name_of(self._logical_id, self._path),
            path=self._path,
            folder=self._folder(properties),
            settings=self._settings(properties, raw),
        )
        if properties.snap_start is not None and properties.snap_start.apply_on == "PublishedVersions":
            declared.published_init_type = "snap-start"
        self._publish(declared, properties)
        return declared

    def _with_globals(self) -> dict[str, Any]:
        own: dict[str, Any] = self._resource.get("Properties") or {}
        if self._resource["Type"] != SERVERLESS_FUNCTION:
            return own
        path = ("Globals", "Function")
        common = self._intrinsics.table((self._document.data.get("Globals") or {}).get("Function"), path)
        self._document.inherit(self._path, path)
        return cast("dict[str, Any]", _merged(common, own))

    def _warn_of_misspellings(self, raw: dict[str, Any]) -> None:
        for key in raw:
            near = nearest(key, _KNOWN, _ALIKE) if key not in _KNOWN else None
            if near is not None:
                where = self._document.where((*self._path, key))
                self.warnings.append(f"{where}: there is no such property; did you mean {near}?")

    def _settings(self, properties: FunctionProperties, raw: dict[str, Any]) -> Settings:
        command = self._command()
        runtime, python = self._runtime(properties.runtime) if command is None else (None, None)
        logging = properties.logging_config
        dead_letter = properties.dead_letter_queue or properties.dead_letter_config
        return Settings(
            handler=properties.handler or ("bootstrap" if runtime == "provided" else None),
            runtime=runtime,
            command=command,
            python=python,
            timeout_ms=properties.timeout * 1000 if properties.timeout is not None else None,
            memory_mb=properties.memory_size,
            tmp_mb=properties.ephemeral_storage.size if properties.ephemeral_storage else None,
            environment=self._environment(raw),
            # Those of the flags are taken instead.
            layers=None if self._flags.layers or "Layers" not in raw else self._layers(raw["Layers"]),
            concurrency=properties.reserved_concurrent_executions,
            max_concurrency=max_concurrency(properties.capacity_provider_config),
            tenant_isolation=True if properties.tenancy_config else None,
            log_format=log_format(logging),
            application_log_level=logging.application_log_level if logging else None,
            system_log_level=logging.system_log_level if logging else None,
            recursive_loop=properties.recursive_loop,
            dead_letter_target=dead_letter.target_arn if dead_letter else None,
        )

    def _layers(self, raw: Any) -> tuple[str, ...]:  # noqa: ANN401
        return layers_of(self._document, self._intrinsics, raw, (*self._path, "Layers"))

    def _publish(self, declared: DeclaredFunction, properties: FunctionProperties) -> None:
        url = properties.function_url_config
        url_path, invoke_path = (*self._path, "FunctionUrlConfig"), (*self._path, "EventInvokeConfig")
        url_here = url_config(self._document, url, url_path) if url else None
        events = properties.event_invoke_config
        events_here = event_invoke_config(self._document, events, invoke_path, declared.name) if events else None
        alias, provisioned = properties.auto_publish_alias, properties.provisioned_concurrency_config
        if alias is None:
            if provisioned is not None:
                path = (*self._path, "ProvisionedConcurrencyConfig")
                raise self._document.error(path, "it goes with an alias: name one with AutoPublishAlias")
            declared.latest = Settings(url=url_here or False, event_invoke=events_here)
            return
        version = declared.publish(Settings(url=False, init_type=declared.published_init_type))
        count = provisioned.provisioned_concurrent_executions if provisioned else 0
        declared.aliases[alias] = DeclaredAlias(
            version, self._path, provisioned=count, url=url_here, event_invoke=events_here
        )

    def _folder(self, properties: FunctionProperties) -> Path:
        if properties.package_type == "Image" or properties.inline_code is not None:
            raise self._document.error(self._path, "only code in a folder is served: name it with CodeUri")
        key = "CodeUri" if properties.code_uri is not None else "Code"
        asset = self._metadata().get("aws:asset:path")
        code = properties.code_uri or (asset if isinstance(asset, str) else properties.code) or "."
        path = (*self._path, key)
        if not isinstance(code, str) or code.startswith("s3://"):
            raise self._document.error(path, "code in S3 is not fetched: name a folder beside the template")
        folder = self._document.file.parent / code
        if folder.is_file():
            raise self._document.error(path, f"{folder} is a file: unpack it and name the folder")
        if not folder.is_dir():
            raise self._document.error(path, f"there is no folder {folder}")
        return folder

    def _metadata(self) -> dict[str, Any]:
        return self._intrinsics.table(self._resource.get("Metadata"), ("Resources", self._logical_id, "Metadata"))

    def _command(self) -> tuple[str, ...] | None:
        """The program to start, for runtimes that are not ours: it is named in the resource's Metadata."""
        path = ("Resources", self._logical_id, "Metadata", "Pilotlight")
        command = self._intrinsics.table(self._metadata().get("Pilotlight"), path).get("Command")
        if command is None:
            return None
        try:
            return tuple(shlex.split(as_text(command)))
        except ValueError as error:
            raise self._document.error((*path, "Command"), str(error)) from None

    def _runtime(self, name: str | None) -> tuple[RuntimeKind | None, str | None]:
        """The kind of runtime, and for Python the interpreter when it is another than the one that runs this."""
        if name is None or self._flags.command or self._flags.runtime:
            return None, None
        if name.startswith("provided"):
            return "provided", None
        if name.startswith("python3."):
            return "python", self._interpreter(name)
        raise self._document.error(
            (*self._path, "Runtime"),
            f"{self._logical_id} runs on {name}, which is not among what is here: python3.x and provided. Start a runtime of its own "
            f"with Metadata: {{Pilotlight: {{Command: 'PROGRAM ARGS'}}}} beside Properties, or serve others with --name",
        )

    def _interpreter(self, name: str) -> str | None:
        if name == RUNNING or self._flags.python:
            return None
        found = interpreter_called(name)
        if found is None:
            what = (
                f"{name} is asked for, and none that can be used is on the PATH: {RUNNING} runs it. "
                f"Install {name}, or name an interpreter with --python"
            )
            self.warnings.append(f"{self._document.file}: {what}")
        return found

    def _environment(self, raw: dict[str, Any]) -> dict[str, str]:
        path = (*self._path, "Environment", "Variables")
        section = self._intrinsics.table(raw.get("Environment"), path[:-1])
        variables = self._intrinsics.table(section.get("Variables"), path)
        given = self._flags.environment or {}
        wanted = {
            name: self._intrinsics.resolve(value, (*path, name))
            for name, value in variables.items()
            if name not in given
        }
        wrong = next((name for name, value in wanted.items() if isinstance(value, dict | list)), None)
        if wrong is not None:
            raise self._document.error((*path, wrong), "a variable is a text")
        return {name: as_text(value) for name, value in wanted.items() if value is not None}


def _merged(common: Any, own: Any) -> Any:  # noqa: ANN401
    """Globals and a function's own: tables are merged, lists are put together, of anything else its own counts."""
    if isinstance(common, dict) and isinstance(own, dict) and not (_is_intrinsic(common) or _is_intrinsic(own)):
        both = {key: _merged(common[key], own[key]) for key in common if key in own}
        return {**common, **own, **both}
    return [*common, *own] if isinstance(common, list) and isinstance(own, list) else own


def _is_intrinsic(table: dict[str, Any]) -> bool:
    return len(table) == 1 and next(iter(table)).startswith(("Ref", "Fn::"))
