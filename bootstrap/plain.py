"""Plain: copies of results in types the C encoder of `json` knows.

Strategy: how a type is copied is found out once for each result, the first way that fits:

    named tuples, whatever has _asdict()            object; these, Decimals and bytes as AWS's own runtime has them
    Decimal                                         number with all its digits
    bytes, bytearray, memoryview                    text, from UTF-8
    Enum                                            its value
    pydantic model or dataclass                     model_dump(mode="json"); .json() before version 2
    msgspec Struct                                  msgspec.to_builtins(), renamed fields and tags included
    dataclass, attrs class                          object of its fields
    datetime, date, time                            isoformat(), and so for all that have that method
    timedelta                                       ISO 8601 duration
    path, UUID                                      text
    any other mapping                               object
    set, deque, range, view, any other sequence     array in the order of iteration
    NumPy scalar or array, array.array              what tolist() gives

Libraries keep their own JSON: a Decimal within a pydantic or msgspec model is text, as those write it. Keys are what
their type is as a value, if that is text or a number. Parts that hold scalars only are not copied. A class whose
module nobody imported has no instances, so nothing is imported here to look for them.
"""

import sys
from _collections_abc import Mapping, Sequence, Set, ValuesView
from os import fsdecode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta
    from decimal import Decimal
    from typing import Any

    Way = Callable[[Any], object]

SCALARS = frozenset((str, int, float, bool, type(None)))


class Number(str):
    """The text of a number that no float can hold; written without quotes."""

    __slots__ = ()


def leave_numbers(quote: "Callable[[str], str]") -> "Callable[[str], str]":
    """A quoting function that lets a Number pass."""
    return lambda text: text if type(text) is Number else quote(text)


class PlainCopy:
    """Copies a value into types the C encoder knows; `has_numbers` tells whether a Number is among them.

    `refuse` raises for a value of a type that has no JSON.
    """

    def __init__(self, refuse: "Way") -> None:
        self.has_numbers = False
        self._refuse = refuse
        self._parents: set[int] = set()
        self._ways: dict[type, Way] = {list: self._array, tuple: self._array, dict: self._object}

    def copy(self, value: object) -> object:
        """The value itself when the encoder knows all of it, else a copy in lists and dicts."""
        kind = type(value)
        return (self._ways.get(kind) or self._find_way(kind))(value)

    def _find_way(self, kind: type) -> "Way":
        self._ways[kind] = way = next(way for bases, way in self._candidates(kind) if issubclass(kind, bases))
        return way

    def _candidates(self, kind: type) -> "Iterator[tuple[Any, Way]]":
        yield _loaded("enum", "Enum"), self._through(lambda member: member.value)
        yield (str, int, float, type(None)), _same
        yield (bytes, bytearray, memoryview), _text
        yield _loaded("decimal", "Decimal"), self._number
        yield list, self._array
        yield _having(kind, "_asdict"), self._through(lambda record: record._asdict())
        yield tuple, self._array
        yield dict, self._object
        yield _having(kind, "__pydantic_serializer__"), self._through(_pydantic_model)
        yield _having(kind, "__fields_set__"), _pydantic_1_model
        yield _loaded("msgspec", "Struct"), self._struct
        yield _having(kind, "__dataclass_fields__"), self._through(_dataclass_fields)
        yield _having(kind, "__attrs_attrs__"), self._through(_attrs_fields)
        yield _having(kind, "isoformat"), lambda moment: moment.isoformat()
        yield _having(kind, "__fspath__"), fsdecode
        yield _loaded("uuid", "UUID"), str
        yield _loaded("datetime", "timedelta"), _duration
        yield Mapping, self._through(dict)
        yield (Set, Sequence, ValuesView), self._through(list)
        yield _having(kind, "tolist"), self._through(lambda array: array.tolist())
        yield object, self._refuse

    def _through(self, turn: "Way") -> "Way":
        """The way of copying what a value turns into."""

        def way(value: object) -> object:
            within = self._enter(value)
            copy = self.copy(turn(value))
            self._parents.remove(within)
            return copy

        return way

    def _array(self, items: "Sequence[object]") -> object:
        if SCALARS.issuperset(map(type, items)):
            return items
        within = self._enter(items)
        copy = [item if type(item) in SCALARS else self.copy(item) for item in items]
        self._parents.remove(within)
        return copy

    def _object(self, items: "Mapping[object, object]") -> object:
        if SCALARS.issuperset(map(type, items.values())) and SCALARS.issuperset(map(type, items)):
            return items
        within = self._enter(items)
        copy = {
            key if type(key) in SCALARS else self._key(key): item if type(item) in SCALARS else self.copy(item)
            for key, item in items.items()
        }
        self._parents.remove(within)
        return copy

    def _key(self, key: object) -> object:
        """A key as text or number; any other is left for the encoder to refuse."""
        way = self._ways.get(type(key)) or self._find_way(type(key))
        copy = key if way is self._refuse else way(key)
        if type(copy) is Number:
            return str(copy)
        return copy if type(copy) in SCALARS else key

    def _enter(self, container: object) -> int:
        if id(container) in self._parents:
            raise ValueError("Circular reference detected")
        self._parents.add(id(container))
        return id(container)

    def _number(self, value: "Decimal") -> object:
        if not value.is_finite():
            return float("nan") if value.is_nan() else float(value)  # for the encoder to refuse
        self.has_numbers = True
        return Number(value)

    def _struct(self, value: object) -> object:
        return sys.modules["msgspec"].to_builtins(value, str_keys=True, enc_hook=self.copy)


def _loaded(module: str, name: str) -> "type | tuple[()]":
    """A class of a module that the function imported."""
    found = getattr(sys.modules.get(module), name, ())
    return found if isinstance(found, type) else ()


def _having(kind: type, name: str) -> "type | tuple[()]":
    return object if hasattr(kind, name) else ()


def _same(value: object) -> object:
    return value


def _text(value: "bytes | bytearray | memoryview") -> str:
    return bytes(value).decode()


def _pydantic_model(value: object) -> object:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return value.__pydantic_serializer__.to_python(value, mode="json")  # type: ignore[attr-defined] # a dataclass


def _pydantic_1_model(value: object) -> object:
    from .payload import from_json

    return from_json(value.json())  # type: ignore[attr-defined]


def _dataclass_fields(value: object) -> dict[str, object]:
    return {field.name: getattr(value, field.name) for field in sys.modules["dataclasses"].fields(value)}


def _attrs_fields(value: object) -> dict[str, object]:
    return {field.name: getattr(value, field.name) for field in value.__attrs_attrs__}  # type: ignore[attr-defined]


def _duration(value: "timedelta") -> str:
    """`P1DT2.5S`, or `-PT3S` for a negative one: the form pydantic and msgspec read."""
    size = abs(value)
    seconds = f"{size.seconds}.{size.microseconds:06}".rstrip("0").rstrip(".")
    days = f"{size.days}D" if size.days else ""
    return f"{'-' if value.days < 0 else ''}P{days}T{seconds}S"
