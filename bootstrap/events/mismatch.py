"""Mismatch: a value is not what an annotation asks for, said with the path to it."""

from ..json_path import ROOT, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

PROBLEMS_MAX = 10
CHOICES_MAX = 10
SHOWN_CHARS_MAX = 40


class Mismatch(ValueError):
    """A value is not what the annotation says; `problems` are messages with the path to what each is about."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__(*problems)
        self.problems = problems

    def prepend(self, key: object) -> None:
        """The value was found at this key or index of a larger one."""
        self.problems = tuple((message, step(key) + path) for message, path in self.problems)

    def closeness(self) -> tuple[bool, int]:
        """How close the value came: best is a problem far inside, worst a field that selects another type."""
        return not isinstance(self, WrongChoice), len(self.problems[0][1])

    def __str__(self) -> str:
        texts = [f"{message} - at {ROOT}{path}" for message, path in self.problems[:PROBLEMS_MAX]]
        more = len(self.problems) - PROBLEMS_MAX
        return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")


class WrongType(Mismatch):
    """A value is of another type altogether."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__((f"expected {expected}, got {_type_name(value)}", ""))


class WrongChoice(Mismatch):
    """A value is none of a few."""

    def __init__(self, choices: "Sequence[object]", value: object) -> None:
        expected = " or ".join(map(repr, choices[:CHOICES_MAX])) + (" or …" if len(choices) > CHOICES_MAX else "")
        super().__init__((f"expected {expected}, got {shown(value)}", ""))


def require(kind: type, value: "Any", name: str = "") -> "Any":  # noqa: ANN401 - narrowed by the check
    """The value itself when it is of a kind that JSON has; else raises WrongType, with the name of what is wanted."""
    if not isinstance(value, kind):
        raise WrongType(name or kind.__name__, value)
    return value


def name_of(wanted: object) -> str:
    """How a message names what an annotation asks for."""
    if wanted is type(None):
        return "None"
    return getattr(wanted, "__name__", "") or str(wanted).replace("typing.", "")


def shown(value: object) -> str:
    """Enough of a value to recognise it; of an array or object its type alone."""
    if isinstance(value, (list, dict)):
        return _type_name(value)
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"


def _type_name(value: object) -> str:
    if value is None:
        return "None"
    return "float" if type(value).__name__ == "Decimal" else type(value).__name__
