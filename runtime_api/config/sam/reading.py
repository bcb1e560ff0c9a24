"""From a SAM or CloudFormation template to functions and aliases.

Strategy: of all that a template holds, functions, layers and what belongs to functions are read; any other resource only lends its name
and its ARN. Properties of functions that mean nothing here are passed over, since a template describes more than what runs locally.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from runtime_api.config.configuration import Configuration, chosen_names
from runtime_api.config.document import Document, KeyPath
from runtime_api.config.sam.attachments import Attachments
from runtime_api.config.sam.functions import FUNCTION_TYPES, FunctionReader
from runtime_api.config.sam.intrinsics import Intrinsics
from runtime_api.config.sam.template import load_template
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account


def read_template(file: Path, settings: Settings, account: Account, parameters: Mapping[str, str]) -> Configuration:
    """What a template declares, under the flags' settings. Raises InvalidFunction, with file, line and key where one is wrong."""
    document = load_template(file)
    _check_sections(document)
    intrinsics = Intrinsics(document, parameters, account)
    by_name = _functions(document, intrinsics)
    chosen = chosen_names(by_name, settings, file)
    readers = [FunctionReader(document, intrinsics, by_name[name], settings) for name in chosen]
    declared = {function.name: function for function in (reader.read() for reader in readers)}
    Attachments(document, intrinsics, declared).read()
    functions: list[Function] = []
    aliases: list[Alias] = []
    for function in declared.values():
        own, named = function.read(msgspec.structs.replace(settings, name=None), document)
        functions += own
        aliases += named
    warnings = dict.fromkeys(warning for reader in readers for warning in reader.warnings)
    return Configuration(
        functions=tuple(functions), aliases=tuple(aliases), warnings=tuple(warnings), places=document.places
    )


def _check_sections(document: Document) -> None:
    """Tables are where tables must be, so that nobody need ask again."""
    if "Resources" not in document.data:
        raise document.error((), "it is not a template: there is no section Resources")
    for section in ("Resources", "Parameters", "Mappings", "Conditions", "Globals"):
        _check_table(document, document.data.get(section), (section,))
    for name, resource in (document.data["Resources"] or {}).items():
        if not isinstance(resource, dict):
            raise document.error(("Resources", name), "expected a table")
        _check_table(document, resource.get("Properties"), ("Resources", name, "Properties"))
    for name, parameter in (document.data.get("Parameters") or {}).items():
        _check_table(document, parameter, ("Parameters", name))


def _check_table(document: Document, value: object, path: KeyPath) -> None:
    if value is not None and not isinstance(value, dict):
        raise document.error(path, "expected a table")


def _functions(document: Document, intrinsics: Intrinsics) -> dict[str, str]:
    """The functions' names, with the logical id of each."""
    found: dict[str, str] = {}
    for logical_id, resource in (document.data["Resources"] or {}).items():
        path = ("Resources", logical_id)
        if resource.get("Type") not in FUNCTION_TYPES:
            continue
        if not intrinsics.is_wanted(resource, path):
            continue
        name = intrinsics.name_of(logical_id, path)
        if name in found:
            raise document.error(
                (*path, "Properties", "FunctionName"), f"{found[name]} is called {name}, too: rename one"
            )
        found[name] = logical_id
    return found
