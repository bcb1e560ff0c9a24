"""`requires-python`: which versions of Python a project is for.

Only as much of https://packaging.python.org/en/latest/specifications/version-specifiers/ as versions of Python need. A function is for
3.X, and which release of that Lambda has is Lambda's affair: one that would do is enough.
"""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?")


def allows(requires_python: str, python: str) -> bool:
    """Whether some release of 3.X is in the range; what cannot be read excludes none."""
    major, minor = python.split(".")
    return all(_allows(clause.strip(), (int(major), int(minor))) for clause in requires_python.split(","))


def _allows(clause: str, minor: tuple[int, int]) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        return True
    version = tuple(map(int, found[2].split(".")))
    is_same = minor[: len(version)] == version[:2]
    match found[1]:
        case ">=" | ">":
            return minor >= version[:2]
        case "<=":
            return minor <= version
        case "<":
            return (*minor, 0) < version
        case "~=":
            return minor >= version[:2] and minor[: len(version) - 1] == version[:-1][:2]
        case "!=":
            return not (is_same and found[3])
        case _:
            return is_same
