"""Plain: copies of results in types the C encoder of `json` knows.

AWS's runtime writes named tuples, and whatever else has _asdict(), as objects, Decimals with all their digits and
bytes as text. How a type is copied is found out once for each copy; parts that hold scalars only are not copied.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

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

    def __init__(self, refuse: "Callable[[Any], object]") -> None:
        self.has_numbers = False
        self._refuse = refuse
        self._parents: set[int] = set()
        self._ways: dict[type, Callable[[Any], object]] = {}
        # There is no Decimal where nobody imported the module.
        self._decimal = getattr(sys.modules.get("decimal"), "Decimal", ())

    def copy(self, value: object) -> object:
        """The value itself when the encoder knows all of it, else a copy in lists and dicts."""
        kind = type(value)
        return (self._ways.get(kind) or self._find_way(kind))(value)

    def _find_way(self, kind: type) -> "Callable[[Any], object]":
        record = object if callable(getattr(kind, "_asdict", None)) else ()
        ways: tuple[tuple[Any, Callable[[Any], object]], ...] = (  # the first that fits
            ((str, int, float, type(None)), _same),
            (bytes, bytes.decode),
            (self._decimal, self._number),
            (list, self._array),
            (record, self._record),
            (tuple, self._array),
            (dict, self._object),
            (object, self._refuse),
        )
        self._ways[kind] = way = next(way for bases, way in ways if issubclass(kind, bases))
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
            key.decode() if type(key) is bytes else key: item if type(item) in SCALARS else self.copy(item)
            for key, item in items.items()
        }
        self._parents.remove(within)
        return copy

    def _record(self, value: object) -> object:
        within = self._enter(value)
        copy = self._object(dict(value._asdict()))  # type: ignore[attr-defined]
        self._parents.remove(within)
        return copy

    def _enter(self, container: object) -> int:
        if id(container) in self._parents:
            raise ValueError("Circular reference detected")
        self._parents.add(id(container))
        return id(container)

    def _number(self, value: object) -> Number:
        text = str(value)
        if not text[-1].isdigit():  # NaN, sNaN, Infinity
            raise ValueError(f"Out of range decimal values are not JSON compliant: {text}")
        self.has_numbers = True
        return Number(text)


def _same(value: object) -> object:
    return value
