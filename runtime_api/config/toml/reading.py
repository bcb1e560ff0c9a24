"""From pilotlight.toml to functions and aliases.

Strategy: each table becomes Settings: a version's are laid over its function's, and the flags over both. What a table says of one
version alone (its URL, its asynchronous invocations, what is provisioned) is not handed down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from runtime_api.config.configuration import Configuration, chosen_names
from runtime_api.config.discovery import function_in
from runtime_api.config.document import Document, KeyPath
from runtime_api.config.settings import Settings
from runtime_api.config.toml.lines import lines_of
from runtime_api.config.toml.parser import loads
from runtime_api.config.toml.tables import AliasTable, File, FunctionTable, VersionTable
from runtime_api.config.toml.values import KEYS, Values
from runtime_api.protocol.function.alias import Alias, check_alias, check_reserved_concurrency
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.function.url_config import UrlConfig
from runtime_api.protocol.names import VERSION_LATEST

_PLACE = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)


def read_toml(file: Path, settings: Settings) -> Configuration:
    """What a pilotlight.toml declares, under the flags' settings. Raises InvalidFunction, with file, line and key where one is wrong."""
    document = _parsed(file)
    whole = document.struct(document.data, (), File)
    functions: list[Function] = []
    aliases: list[Alias] = []
    for name in chosen_names(whole.functions, settings, file):
        own, named = _FunctionReader(document, name, settings).read()
        functions += own
        aliases += named
    return Configuration(
        functions=tuple(functions),
        aliases=tuple(aliases),
        server=Values(document).server(whole.server),
        places=document.places,
    )


def _parsed(file: Path) -> Document:
    try:
        text = file.read_text(encoding="utf-8-sig")
        return Document(file, loads(text), lines_of(text))
    except OSError as error:
        raise InvalidFunction(f"{file} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise InvalidFunction(f"{file} goes too deep: it nests hundreds of tables or lists") from None
    except ValueError as error:
        # Beside incorrect TOML: what is not UTF-8, and numbers of thousands of digits.
        raise InvalidFunction(_not_toml(file, str(error))) from None


def _not_toml(file: Path, what: str) -> str:
    """With the parser's place in front, as all other errors have it."""
    found = _PLACE.fullmatch(what)
    if found is None:
        return f"{file}: it is not correct TOML: {what}"
    return f"{file}, line {found['line']}, column {found['column']}: it is not correct TOML: {found['what']}"


class _FunctionReader:
    """One table of `functions`: its versions, and its aliases."""

    def __init__(self, document: Document, name: str, flags: Settings) -> None:
        self._document = document
        self._values = Values(document)
        self._name = name
        self._path: KeyPath = ("functions", name)
        self._flags = flags
        self._table = document.struct(document.data["functions"][name], self._path, FunctionTable)

    def read(self) -> tuple[list[Function], list[Alias]]:
        """All of it; raises InvalidFunction."""
        versions = [self._latest(), *self._published()]
        aliases = list(self._aliases({function.version: function for function in versions}))
        with self._document.at(self._path, KEYS):
            check_reserved_concurrency(versions, aliases)
        self._document.places[self._name, "concurrency", ""] = self._document.where((*self._path, "concurrency"))
        return versions, aliases

    def _latest(self) -> Function:
        own = Settings(
            url=self._values.url(self._table.url, self._path),
            event_invoke=self._values.event_invoke(self._table, self._path),
        )
        settings = own.over(self._values.settings(self._table, self._path))
        return self._function(self._table, settings, self._path, VERSION_LATEST)

    def _published(self) -> Iterator[Function]:
        latest = self._values.settings(self._table, self._path)
        handed_down = msgspec.structs.replace(latest, provisioned_concurrency=None)
        for version, raw in self._table.versions.items():
            path = (*self._path, "versions", version)
            if version == VERSION_LATEST:
                raise self._document.error(path, "the function's own table says what $LATEST is")
            table = self._document.struct(raw, path, VersionTable)
            own = Settings(url=False, event_invoke=self._values.event_invoke(table, path))
            settings = own.over(self._values.settings(table, path)).over(handed_down)
            yield self._function(table, settings, path, version)

    def _function(self, table: VersionTable, settings: Settings, path: KeyPath, version: str) -> Function:
        whole = self._flags.over(settings).over(Settings(name=self._name))
        folder = self._values.folder(table.path or self._table.path or ".", (*path, "path"))
        with self._document.at(path, KEYS):
            function = function_in(folder, whole, version)
        if function is None:
            raise self._document.error(
                path, f"no handler was found in {folder}: name it with the key handler, or a program with command"
            )
        return function

    def _aliases(self, versions: dict[str, Function]) -> Iterator[Alias]:
        for name, raw in self._table.aliases.items():
            path = (*self._path, "aliases", name)
            table = self._document.struct(raw, path, AliasTable)
            url = self._values.url(table.url, path)
            with self._document.at(path, KEYS):
                alias = Alias(
                    function_name=self._name,
                    name=name,
                    version=str(table.version),
                    additional_weights=table.additional_weights,
                    provisioned_concurrency=table.provisioned_concurrency or 0,
                    url=UrlConfig() if url is True else url or None,
                    event_invoke=self._values.event_invoke(table, path),
                )
                check_alias(alias, versions)
            yield alias
