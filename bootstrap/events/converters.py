"""Converters: from JSON values to what an annotation asks for, with `typing` alone.

Strategy: an annotation becomes a function once, when the handler is loaded; classes that hold themselves are looked
up when they are needed. A type that JSON has is taken as it is (an int is a float as well, a bool is neither), text
becomes a date, a path, a UUID, an Enum and the like, objects become dataclasses and typed dicts:

    unknown keys        left out of a dataclass, kept in a TypedDict, which is no more than a view of a dict
    field(init=False)   not read from the event
    union               the first member that takes the value; a whole number goes to int before float
    Decimal             exact, from a number or from text
    Any, TypeVar, …     the value as it is
    any other class     has no JSON: only its defaults can be used

A value that does not fit raises a Mismatch with the path to it.
"""

import sys

from ..surroundings.library import StandardLibrary
from .leaves import (
    choice_converter,
    decimal_converter,
    enum_converter,
    exact_converter,
    is_decimal,
    maybe_text_converter,
    to_float,
    with_floats,
)
from .mismatch import Mismatch, WrongType, name_of, require

with StandardLibrary():
    import typing
    from collections.abc import Iterable, Mapping, Set
    from enum import Enum
    from types import UnionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field
    from typing import Any

    Convert = Callable[[Any], Any]

# What says something about a key rather than its value; https://peps.python.org/pep-0655/ and 0705
QUALIFIERS = ("Required", "NotRequired", "ReadOnly", "Final")
AS_IT_IS = ("object", "Any")  # typing has one, typing_extensions may have another


class Converters:
    """Makes the converter for an annotation; `wants_digits` tells whether one needs all digits of a number, as a Decimal.

    `foreign` gives the converter for what belongs to a library of the function, or None.
    """

    def __init__(self, foreign: "Callable[[object], Convert | None]") -> None:
        self.wants_digits = False
        self._foreign = foreign
        self._made: dict[object, Convert] = {}

    def converter(self, wanted: "Any") -> "Convert":  # noqa: ANN401 - an annotation can be anything
        """A function that makes a JSON value what is wanted. Raises TypeError for a class that cannot be examined."""
        wanted, _ = _peel(wanted)
        if type(wanted).__name__ == "TypeAliasType":
            return self._once(wanted, lambda: self.converter(wanted.__value__))
        convert = self._foreign(wanted)
        if convert is not None:
            return convert
        origin, arguments = typing.get_origin(wanted) or wanted, typing.get_args(wanted)
        if origin is typing.Union or origin is UnionType:
            return self._union(arguments)
        if origin is typing.Literal:
            return choice_converter(arguments)
        if not isinstance(origin, type) or name_of(origin) in AS_IT_IS or getattr(origin, "_is_protocol", False):
            return self._as_it_is
        return self._class(origin, arguments)

    def _class(self, kind: type, arguments: "tuple[Any, ...]") -> "Convert":
        if is_model(kind):
            return self._once((kind, arguments), lambda: self._model(kind, arguments))
        if issubclass(kind, Enum):
            return enum_converter(kind)
        if kind is float:
            return to_float
        if is_decimal(kind):
            self.wants_digits = True
            return decimal_converter(kind)
        return maybe_text_converter(kind) or self._maybe_container(kind, arguments) or exact_converter(kind)

    def _maybe_container(self, kind: type, arguments: "tuple[Any, ...]") -> "Convert | None":
        if kind is tuple:
            return self._tuple(arguments)
        if issubclass(kind, Mapping):
            return self._mapping(kind, arguments)
        if issubclass(kind, Iterable) and not issubclass(kind, (str, bytes, bytearray, tuple)):
            return self._array(kind, arguments)
        return None

    def _union(self, members: "tuple[Any, ...]") -> "Convert":
        converters = [self.converter(member) for member in members]
        expected = " or ".join(map(name_of, members))

        def convert(value: object) -> object:
            if type(value) is int and int in members:
                return value
            misses: list[Mismatch] = []
            for convert_member in converters:
                try:
                    return convert_member(value)
                except Mismatch as mismatch:
                    misses.append(mismatch)
            misses = [miss for miss in misses if miss.problems[0][1] or not isinstance(miss, WrongType)]
            raise max(misses, key=Mismatch.closeness) if misses else WrongType(expected, value)

        return convert

    def _array(self, kind: type, arguments: "tuple[Any, ...]") -> "Convert":
        convert_item = self.converter(arguments[0]) if arguments else self._as_it_is
        make: Any = kind if not _is_abstract(kind) else set if issubclass(kind, Set) else list

        def convert(value: object) -> object:
            items = _convert_items(require(list, value), lambda index: convert_item)
            try:
                return items if make is list else make(items)
            except TypeError as error:  # a set of what has no hash
                raise Mismatch((str(error), "")) from error

        return convert

    def _tuple(self, arguments: "tuple[Any, ...]") -> "Convert":
        if not arguments or arguments[-1] is ...:
            return self._array(tuple, arguments)
        converters = [self.converter(argument) for argument in arguments if argument != ()]

        def convert(value: object) -> object:
            items = require(list, value)
            if len(items) != len(converters):
                raise Mismatch((f"expected {len(converters)} items, got {len(items)}", ""))
            return tuple(_convert_items(items, converters.__getitem__))

        return convert

    def _mapping(self, kind: type, arguments: "tuple[Any, ...]") -> "Convert":
        convert_key, convert_item = map(self.converter, arguments or (object, object))
        make: Any = dict if _is_abstract(kind) else kind

        def convert(value: object) -> object:
            given, made, key = require(dict, value), {}, ""
            try:
                for key, item in given.items():
                    made[_convert_key(convert_key, key)] = convert_item(item)
            except Mismatch as mismatch:
                mismatch.prepend(key)
                raise
            return made if make is dict else make(made)

        return convert

    def once(self, wanted: type) -> "Convert":
        """The same for a class that is asked for again and again."""
        return self._once(wanted, lambda: self.converter(wanted))

    def _once(self, key: object, make: "Callable[[], Convert]") -> "Convert":
        """The converter for what may hold itself: from within it is looked up when it is needed."""
        made = self._made
        if key not in made:
            made[key] = lambda value: made[key](value)
            made[key] = make()
        return made[key]

    def _model(self, kind: type, arguments: "tuple[Any, ...]") -> "Convert":
        hints = _hints(kind, arguments)
        return self._dict(kind, hints) if issubclass(kind, dict) else self._dataclass(kind, hints)

    def _dataclass(self, kind: "Callable[..., object]", hints: dict[str, "Any"]) -> "Convert":
        fields = [
            (field.name, self.converter(hints[field.name]), _is_required(field))
            for field in kind.__dataclass_fields__.values()  # type: ignore[attr-defined] # those of InitVar included
            if field.init and typing.get_origin(hints[field.name]) is not typing.ClassVar
        ]
        name = name_of(kind)

        def convert(value: object) -> object:
            given, arguments, key = require(dict, value, name), {}, ""
            try:
                for key, convert_field, is_required in fields:
                    if key in given:
                        arguments[key] = convert_field(given[key])
                    elif is_required:
                        raise _missing()
            except Mismatch as mismatch:
                mismatch.prepend(key)
                raise
            try:
                return kind(**arguments)
            except ValueError as error:  # a __post_init__ that checks what it got
                raise Mismatch((str(error), "")) from error

        return convert

    def _dict(self, kind: type, hints: dict[str, "Any"]) -> "Convert":
        converters = {key: self.converter(hint) for key, hint in hints.items()}
        required = [key for key, hint in hints.items() if _is_required_key(kind, key, hint)]
        name = name_of(kind)

        def convert(value: object) -> object:
            given, made, key = require(dict, value, name), {}, ""
            try:
                for key, item in given.items():
                    made[key] = converters.get(key, self._as_it_is)(item)
                for key in required:
                    if key not in made:
                        raise _missing()
            except Mismatch as mismatch:
                mismatch.prepend(key)
                raise
            return made

        return convert

    def _as_it_is(self, value: object) -> object:
        return with_floats(value) if self.wants_digits else value


def is_model(kind: object) -> bool:
    """Whether a class is a dataclass or a TypedDict."""
    if not isinstance(kind, type):
        return False
    return hasattr(kind, "__dataclass_fields__") or (issubclass(kind, dict) and hasattr(kind, "__required_keys__"))


def unquoted(hint: "Any", names: dict[str, "Any"]) -> "Any":  # noqa: ANN401 - an annotation can be anything
    """A hint without text in it: before Python 3.11 `typing` leaves that of list["Item"] where it is."""
    if isinstance(hint, str):
        return eval(hint, names)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if sys.version_info >= (3, 11) or origin in (None, typing.Literal, typing.Annotated):
        return hint
    resolved = tuple(unquoted(argument, names) for argument in arguments)
    if resolved == arguments:
        return hint
    if origin in (typing.Union, UnionType):
        return typing.Union[resolved]  # noqa: UP007 - the members are in a tuple
    return origin[resolved[0] if len(resolved) == 1 else resolved]


def _peel(wanted: "Any") -> "tuple[Any, set[str]]":  # noqa: ANN401 - an annotation can be anything
    """What an annotation says about the value, and the qualifiers that were around it."""
    qualifiers = set()
    while True:
        origin = typing.get_origin(wanted)
        name = getattr(origin, "_name", None)
        if origin is typing.Annotated:
            wanted = wanted.__origin__
        elif name in QUALIFIERS:
            qualifiers.add(name)
            (wanted,) = typing.get_args(wanted)
        elif type(wanted).__name__ == "NewType":
            wanted = wanted.__supertype__
        elif type(wanted).__name__ == "InitVar":
            wanted = wanted.type
        else:
            return wanted, qualifiers


def _hints(kind: type, arguments: "tuple[Any, ...]") -> dict[str, "Any"]:
    """The annotations of a class, with the arguments of a generic one in their places."""
    try:
        names = getattr(sys.modules.get(kind.__module__), "__dict__", {})
        _evaluate_kw_only(kind)
        hints = {key: unquoted(hint, names) for key, hint in typing.get_type_hints(kind, include_extras=True).items()}
    except Exception as error:
        raise TypeError(f"events cannot be decoded as {name_of(kind)}: {error}") from error
    given = dict(zip(getattr(kind, "__parameters__", ()), arguments, strict=False))
    return {name: _substitute(hint, given) for name, hint in hints.items()} if given else hints


def _evaluate_kw_only(kind: type) -> None:
    """Put KW_ONLY in the place of its name: before Python 3.11 `typing` takes that for a mistake."""
    if sys.version_info < (3, 11):
        with StandardLibrary():
            from dataclasses import KW_ONLY

        for annotations in (vars(base).get("__annotations__", {}) for base in kind.__mro__):
            for name, hint in annotations.items():
                if isinstance(hint, str) and hint.rpartition(".")[2] == "KW_ONLY":
                    annotations[name] = KW_ONLY


def _substitute(hint: "Any", given: "dict[Any, Any]") -> "Any":  # noqa: ANN401 - an annotation can be anything
    parameters = getattr(hint, "__parameters__", ())
    if typing.get_origin(hint) is not None and parameters:
        return hint[tuple(given.get(parameter, parameter) for parameter in parameters)]
    return given.get(hint, hint) if isinstance(hint, typing.TypeVar) else hint


def _is_required(field: "Field[Any]") -> bool:
    with StandardLibrary():
        from dataclasses import MISSING  # it brings `inspect`: only where there is a dataclass

    return field.default is MISSING and field.default_factory is MISSING


def _is_required_key(kind: type, key: str, hint: object) -> bool:
    """Where annotations are text the class itself does not know the qualifiers of its keys."""
    _, qualifiers = _peel(hint)
    return "NotRequired" not in qualifiers and ("Required" in qualifiers or key in kind.__required_keys__)  # type: ignore[attr-defined]


def _missing() -> Mismatch:
    return Mismatch(("required, but missing", ""))


def _convert_items(items: "list[Any]", converter_at: "Callable[[int], Convert]") -> "list[Any]":
    made: list[Any] = []
    try:
        for item in items:
            made.append(converter_at(len(made))(item))
    except Mismatch as mismatch:
        mismatch.prepend(len(made))
        raise
    return made


def _convert_key(convert: "Convert", key: str) -> object:
    """Keys are text; what does not want text gets the number it spells."""
    try:
        return convert(key)
    except Mismatch:
        for number in (int, float):
            try:
                return convert(number(key))
            except ValueError:
                continue
        raise


def _is_abstract(kind: type) -> bool:
    return bool(getattr(kind, "__abstractmethods__", ()))
