"""Leaves: converters for values that hold no others.

A Decimal is known by the name of its class, for importing that takes longer than most functions run.
"""

import sys

from ..surroundings.library import StandardLibrary
from .mismatch import Mismatch, WrongChoice, WrongType, name_of, require, shown

with StandardLibrary():
    from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Convert = Callable[[Any], Any]


def choice_converter(choices: "tuple[Any, ...]") -> "Convert":
    """For a Literal."""
    values = [choice.value if isinstance(choice, Enum) else choice for choice in choices]
    by_value = {(type(value), value): choice for value, choice in zip(values, choices, strict=True)}

    def convert(value: object) -> object:
        if isinstance(value, (str, int, type(None))) and (type(value), value) in by_value:
            return by_value[type(value), value]
        raise WrongChoice(values, value)

    return convert


def enum_converter(kind: "type[Enum]") -> "Convert":
    """For an Enum, by value; True is not 1."""
    values = [member.value for member in kind]

    def convert(value: object) -> object:
        if isinstance(value, bool) and not any(value is known for known in values):
            raise WrongChoice(values, value)
        try:
            return kind(value)
        except ValueError as error:
            raise WrongChoice(values, value) from error

    return convert


def to_float(value: "Any") -> float:  # noqa: ANN401 - narrowed by the check
    """A number as a float. Raises Mismatch."""
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or is_decimal(type(value))):
        raise WrongType("float", value)
    try:
        return float(value)
    except OverflowError as error:
        raise Mismatch((str(error), "")) from error


def decimal_converter(kind: "Any") -> "Convert":  # noqa: ANN401 - the class, or one derived from it
    """For a Decimal, from a number or from text."""

    def convert(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, (str, int, float, kind)):
            raise WrongType(name_of(kind), value)
        try:
            number = kind(str(value))
        except ArithmeticError:
            number = kind("NaN")
        if not number.is_finite():
            raise Mismatch((f"expected {name_of(kind)}, got {shown(value)}", ""))
        return number

    return convert


def maybe_text_converter(kind: "Any") -> "Convert | None":  # noqa: ANN401 - a class of any kind
    """For what a constructor makes of text: datetime, date, time, paths, UUID; None for other classes."""
    if hasattr(kind, "fromisoformat"):
        return _text_converter(kind, lambda text: kind.fromisoformat(_iso(text)))
    if hasattr(kind, "__fspath__") or (kind.__module__, kind.__name__) == ("uuid", "UUID"):
        return _text_converter(kind, kind)
    return None


def exact_converter(kind: type) -> "Convert":
    """For a type that JSON has; no value from JSON is of exactly any other."""
    name = name_of(kind)

    def convert(value: object) -> object:
        if type(value) is not kind:
            raise WrongType(name, value)
        return value

    return convert


def is_decimal(kind: type) -> bool:
    """Whether a class is decimal.Decimal."""
    return (kind.__module__, kind.__name__) == ("decimal", "Decimal")


def with_floats(value: "Any") -> "Any":  # noqa: ANN401 - any JSON value
    """A value that was read with Decimals, in the types that `json` has."""
    if isinstance(value, dict):
        return {key: with_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_floats(item) for item in value]
    return float(value) if is_decimal(type(value)) else value


def _text_converter(kind: type, parse: "Callable[[str], object]") -> "Convert":
    name = name_of(kind)

    def convert(value: object) -> object:
        text = require(str, value, name)
        try:
            return parse(text)
        except (ValueError, OverflowError) as error:
            raise Mismatch((f"expected {name}, got {shown(value)}", "")) from error

    return convert


def _iso(text: str) -> str:
    """Before Python 3.11 the standard library wants an offset in digits, and three or six digits of a second."""
    if sys.version_info >= (3, 11):
        return text
    text = text[:-1] + "+00:00" if text.endswith("Z") else text
    head, dot, rest = text.partition(".")
    zone = rest.lstrip("0123456789")
    digits = rest.removesuffix(zone)
    return head + dot + digits[:6].ljust(6 if dot else 0, "0") + zone
