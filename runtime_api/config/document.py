"""A file of configuration: its data, where each key stands, and errors that say so.

A key's path is the tuple of keys and indexes that lead to it, such as `("functions", "orders", "layers", 0)`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import InvalidFunction

KeyPath = tuple[str | int, ...]
# A destination: its function's name, the member of EventInvokeConfig, and the address; or a function's `concurrency`, without any.
Place = tuple[str, str, str]
AnyStruct = TypeVar("AnyStruct", bound=msgspec.Struct)

_WRONG = re.compile(r"(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_GOT = re.compile(r"Expected `(?P<wanted>.*)`, got `(?P<got>\w+)`")
_BOUND = re.compile(r"Expected `(?P<wanted>\w+)` (?P<bound>>=|<=|>|<) (?P<limit>\S+)")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`")
_IN_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a table",
    "str": "text",
}
_BOUNDS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_KINDS = {bool: "bool", int: "int", float: "float", str: "str", list: "array", dict: "object", type(None): "null"}


class ConfigurationError(InvalidFunction):
    """A file of configuration cannot be used; the message names the file, the line, the key, and what may be there."""


class Document:
    """What a file says. `lines` has the line of each key's path, from 1 on."""

    def __init__(self, file: Path, data: dict[str, Any], lines: Mapping[KeyPath, int]) -> None:
        self.file = file
        self.data = data
        self._lines = lines
        self._inherited: dict[KeyPath, KeyPath] = {}
        self.places: dict[Place, str] = {}

    def inherit(self, path: KeyPath, common: KeyPath) -> None:
        """Have keys that the table at `path` has not, and that at `common` has, be known to stand there."""
        self._inherited[path] = common

    def note_destinations(
        self, function_name: str, config: EventInvokeConfig, path: KeyPath, keys: Mapping[str, KeyPath]
    ) -> None:
        """Remember in `places` where a function's destinations stand: below `path`, in `keys` of their own where they have some."""
        for member in ("on_success", "on_failure"):
            address = getattr(config, member)
            if address is not None:
                place = self.where((*path, *keys.get(member, (member,))))
                self.places[function_name, member, address] = place

    def error(self, path: KeyPath, what: str) -> ConfigurationError:
        """What is wrong with a key, ready to be raised."""
        return ConfigurationError(f"{self.where(path)}: {what}")

    def where(self, path: KeyPath) -> str:
        """The file, the line and the key, for a message."""
        own = self._known_part(path)
        for heir, common in self._inherited.items():
            elsewhere = (*common, *path[len(heir) :])
            if path[: len(heir)] == heir and len(self._known_part(elsewhere)) - len(common) > len(own) - len(heir):
                return self.where(elsewhere)
        line = f"line {self._lines[own]}" if own else None
        return ", ".join(part for part in (str(self.file), line, spelled(path)) if part)

    def _known_part(self, path: KeyPath) -> KeyPath:
        # A key that is not there is missed where it should be: in what is around it.
        return next((path[:size] for size in range(len(path), 0, -1) if path[:size] in self._lines), ())

    def struct(self, value: Any, path: KeyPath, kind: type[AnyStruct], *, strict: bool = True) -> AnyStruct:  # noqa: ANN401
        """The struct a table spells; unless `strict`, a number may be written as text. Raises ConfigurationError."""
        try:
            return msgspec.convert(value, kind, strict=strict)
        except msgspec.ValidationError as error:
            raise self._explained(str(error), value, path, kind) from None

    def _explained(self, message: str, value: Any, path: KeyPath, kind: type) -> ConfigurationError:  # noqa: ANN401
        wrong = _WRONG.fullmatch(message)
        assert wrong is not None
        what, within = wrong["what"], _path_to(wrong["path"] or "", value, message)
        unknown, got, bound = _UNKNOWN.fullmatch(what), _GOT.fullmatch(what), _BOUND.fullmatch(what)
        if unknown:
            name = unknown["name"]
            return self.error(
                (*path, *within, name), f"there is no such key{did_you_mean(name, _keys_at(within, kind))}"
            )
        if got:
            wanted = [_IN_WORDS.get(one, one) for one in got["wanted"].split(" | ") if one != "null"]
            what = f"expected {' or '.join(wanted)}, got {_IN_WORDS.get(got['got'], got['got'])}"
        if bound:
            limit = f"{float(bound['limit']):g}" if "." in bound["limit"] else bound["limit"]
            what = f"expected {_IN_WORDS[bound['wanted']]} {_BOUNDS[bound['bound']]} {limit}"
        if what.startswith("Invalid enum value"):
            what = f"{what}; use one of {', '.join(_choices_at(within, kind))}"
        return self.error((*path, *within), what)

    @contextmanager
    def at(self, path: KeyPath, keys: Mapping[str, KeyPath]) -> Iterator[None]:
        """Have what InvalidFunction says of a member said of its key in the table at `path`; `keys` has those of another name."""
        try:
            yield
        except ConfigurationError:
            raise
        except InvalidFunction as error:
            member, _, name = (error.member or "").partition(".")
            own = keys.get(member, (member,)) if member else ()
            raise self.error((*path, *own, *([name] if name else [])), str(error)) from None


def spelled(path: KeyPath) -> str:
    """A key's path as one reads it: functions.orders.layers[0]."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def nearest(name: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """The known name that a misspelt one looks like, by a ratio of at least `alike`; None when none does."""
    return next(iter(difflib.get_close_matches(name, list(known), 1, alike)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the one it looks like, or all there are."""
    known = list(known)
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else f"; use {', '.join(known)}" if known else ""


def _path_to(text: str, value: Any, message: str) -> KeyPath:  # noqa: ANN401
    """The keys in msgspec's path; for an entry of a free table, which it writes [...], the first that is what was refused."""
    path: KeyPath = ()
    got = _GOT.search(message)
    for step in _STEP.finditer(text):
        key: Any = step["name"] or step["index"]
        if key == "...":
            key = next((name for name, one in value.items() if got and _KINDS.get(type(one)) == got["got"]), None)
        elif step["index"]:
            key = int(key)
        if key is None:
            break
        path = (*path, key)
        value = value[key]
    return path


def _keys_at(path: KeyPath, kind: type) -> list[str]:
    """The keys of the struct that is found along a path in another."""
    return [field.encode_name for one in _types_at(path, kind) for field in _fields_of(one)]


def _choices_at(path: KeyPath, kind: type) -> list[str]:
    """The values of the choice that is found along a path in a struct."""
    literals = (one for one in _types_at(path, kind) if isinstance(one, msgspec.inspect.LiteralType))
    return sorted(str(value) for one in literals for value in one.values)


def _types_at(path: KeyPath, kind: type) -> list[msgspec.inspect.Type]:
    found = [*_options(msgspec.inspect.type_info(kind))]
    for step in path:
        inner = [field.type for one in found for field in _fields_of(one) if field.encode_name == step]
        found = [option for one in inner for option in _options(one)]
    return found


def _fields_of(info: msgspec.inspect.Type) -> tuple[msgspec.inspect.Field, ...]:
    return info.fields if isinstance(info, msgspec.inspect.StructType) else ()


def _options(info: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, ...]:
    return info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
