"""What is served: the functions and aliases of a path, and what its file says of the server.

Strategy: a folder that has a `pilotlight.toml`, or else a SAM template, is what that file declares. A folder without one is a function
if it looks like one, and otherwise each folder directly below it is looked at in the same way. So a folder of functions may hold
folders with files of their own; of such a file everything counts but what it says of the server, which is for when it is served by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from runtime_api.config.discovery import HANDLER_FILES, HANDLER_NAMES, function_in
from runtime_api.config.document import Place, did_you_mean
from runtime_api.config.settings import Settings
from runtime_api.protocol.concurrency import provision, share_out, with_reserved
from runtime_api.protocol.destinations.configured import NOT_ITSELF, configured
from runtime_api.protocol.destinations.targets import FunctionTarget
from runtime_api.protocol.function.alias import Alias, check_together
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.function.function_name import Account

TOML_FILE = "pilotlight.toml"
TEMPLATE_FILES = ("template.yaml", "template.yml", "template.json")
CONFIGURATION_SUFFIXES = (".toml", ".yaml", ".yml", ".json")


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Functions with their aliases, what the file says of the server by the names of `serve`'s options, and what is worth a warning.

    `places` says where destinations and concurrencies stand, with file, line and key.
    """

    functions: tuple[Function, ...]
    aliases: tuple[Alias, ...] = ()
    server: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
    places: Mapping[Place, str] = {}

    def only(self, name: str) -> Configuration:
        """The function of that name with its aliases; raises InvalidFunction when there is none."""
        functions = tuple(function for function in self.functions if function.name == name)
        if not functions:
            raise InvalidFunction(f"--name {name}: there is no such function, only {', '.join(self.names)}", "name")
        aliases = tuple(alias for alias in self.aliases if alias.function_name == name)
        return msgspec.structs.replace(self, functions=functions, aliases=aliases)

    def with_urls(self, **members: Any) -> Configuration:  # noqa: ANN401  (members of UrlConfig)
        """The same, each URL with these members of UrlConfig in place of its own."""
        return msgspec.structs.replace(
            self,
            functions=tuple(_with_url(function, members) for function in self.functions),
            aliases=tuple(_with_url(alias, members) for alias in self.aliases),
        )

    def check_destinations(self) -> None:
        """See that destinations that are functions are among these, and not the ones that name them; raises InvalidFunction."""
        for one in configured(self.functions, self.aliases):
            name = one.target.reference.name if isinstance(one.target, FunctionTarget) else None
            where = self.places.get((one.function_name, one.member, one.address), f"function {one.owner}: {one.member}")
            if name == one.function_name:
                raise InvalidFunction(f"{where}: {NOT_ITSELF}", one.member)
            if name is not None and name not in self.names:
                what = f"no function {name} is served here{did_you_mean(name, self.names)}"
                raise InvalidFunction(f"{where}: {what}", one.member)

    def check_concurrency(self, account_limit: int) -> None:
        """See that what is set aside fits into the account's concurrency; raises InvalidFunction, at the function that reserves most."""
        try:
            share_out(provision(with_reserved(self.functions), self.aliases), account_limit)
        except InvalidFunction as error:
            most = max(self.functions, key=lambda function: function.concurrency or 0)
            where = self.places.get((most.name, "concurrency", ""))
            raise InvalidFunction(f"{where}: {error}" if where else str(error), "concurrency") from None

    @property
    def names(self) -> list[str]:
        """The functions' names, each once."""
        return list(dict.fromkeys(function.name for function in self.functions))


_Owner = TypeVar("_Owner", Function, Alias)


def _with_url(owner: _Owner, members: dict[str, Any]) -> _Owner:
    if owner.url is None or not members:
        return owner
    return msgspec.structs.replace(owner, url=msgspec.structs.replace(owner.url, **members))


def configuration_at(
    path: Path,
    settings: Settings,
    account: Account | None = None,
    parameters: Mapping[str, str] | None = None,
) -> Configuration:
    """What is at a path: a folder, a `pilotlight.toml` or a SAM template, which has `parameters`. `settings` win over what is found.

    Raises InvalidFunction, which says what was looked for, or the file, the line and the key that is wrong.
    """
    account, parameters = account or Account(), parameters or {}
    if path.is_file():
        return _of_file(path, settings, account, parameters)
    if not path.is_dir():
        raise InvalidFunction(f"{path}: there is no such folder or file")
    file = _file_in(path)
    if file is not None:
        return _of_file(file, settings, account, parameters)
    if parameters:
        raise InvalidFunction(f"--parameter is for SAM templates, and {path} has no {TEMPLATE_FILES[0]}")
    own = function_in(path, settings)
    return Configuration(functions=(own,)) if own is not None else _of_folders_in(path, settings, account)


def chosen_names(declared: Iterable[str], settings: Settings, file: Path) -> list[str]:
    """Which functions of a file are meant: the one --name names, or each; raises InvalidFunction."""
    names = list(declared)
    if not names:
        raise InvalidFunction(f"{file}: it declares no function")
    if settings.name is not None and settings.name not in names:
        raise InvalidFunction(f"--name {settings.name}: {file} declares only {', '.join(names)}")
    chosen = [settings.name] if settings.name is not None else names
    if len(chosen) > 1 and (settings.handler or settings.command):
        flag = "--handler" if settings.handler else "--command"
        raise InvalidFunction(f"{flag}: {file} declares {len(names)} functions, choose one of them with --name")
    return chosen


def _file_in(folder: Path) -> Path | None:
    return next((folder / name for name in (TOML_FILE, *TEMPLATE_FILES) if (folder / name).is_file()), None)


def _of_file(file: Path, settings: Settings, account: Account, parameters: Mapping[str, str]) -> Configuration:
    if file.suffix == ".toml":
        from runtime_api.config.toml.reading import read_toml

        if parameters:
            raise InvalidFunction(f"--parameter is for SAM templates, and {file} is none")
        return read_toml(file, settings)
    if file.suffix in (".yaml", ".yml", ".json"):
        from runtime_api.config.sam.reading import read_template

        return read_template(file, settings, account, parameters)
    raise InvalidFunction(f"{file}: name a folder, a {TOML_FILE} or a SAM template (.yaml, .yml, .json)")


def _of_folders_in(path: Path, settings: Settings, account: Account) -> Configuration:
    nameless = msgspec.structs.replace(settings, name=None)
    found = _together(
        _of_folder(folder, nameless, account) for folder in sorted(path.iterdir()) if _may_hold_a_function(folder)
    )
    if not found.functions:
        raise InvalidFunction(_nothing_found(path))
    if settings.name is None:
        return found
    if len(found.names) == 1:
        return _renamed(found, settings.name)
    if settings.name not in found.names:
        raise InvalidFunction(
            f"--name {settings.name}: {path} holds {len(found.names)} functions, each named after its folder or by its file: "
            f"{', '.join(found.names)}"
        )
    return found.only(settings.name)


def _of_folder(folder: Path, settings: Settings, account: Account) -> Configuration:
    file = _file_in(folder)
    if file is not None:
        return _of_file(file, settings, account, {})
    function = function_in(folder, settings)
    return Configuration(functions=(function,) if function is not None else ())


def _together(found: Iterable[Configuration]) -> Configuration:
    every = list(found)
    together = Configuration(
        functions=tuple(function for one in every for function in one.functions),
        aliases=tuple(alias for one in every for alias in one.aliases),
        warnings=tuple(warning for one in every for warning in one.warnings),
        places={place: where for one in every for place, where in one.places.items()},
    )
    check_together(together.functions, together.aliases)
    return together


def _renamed(found: Configuration, name: str) -> Configuration:
    return msgspec.structs.replace(
        found,
        functions=tuple(msgspec.structs.replace(function, name=name) for function in found.functions),
        aliases=tuple(msgspec.structs.replace(alias, function_name=name) for alias in found.aliases),
    )


def _may_hold_a_function(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith((".", "__"))


def _nothing_found(path: Path) -> str:
    files = ", ".join(HANDLER_FILES)
    names = " or ".join(HANDLER_NAMES)
    return (
        f"{path}: no function found. Looked for {TOML_FILE}, {TEMPLATE_FILES[0]}, a file `bootstrap`, and for {files} with a function "
        f"{names}, here and in each folder directly below. Name one with --handler module.function, or start any runtime with --command."
    )
