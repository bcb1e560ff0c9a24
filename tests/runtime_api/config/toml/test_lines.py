from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.config.document import KeyPath
from runtime_api.config.toml.lines import lines_of
from runtime_api.config.toml.parser import loads


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\nb = 2\n", ("b",), 2),
        ("# a = 1\n\nb = 2", ("b",), 3),
        ("[t]\na = 1", ("t", "a"), 2),
        ("[t.u]\na = 1", ("t", "u", "a"), 2),
        ("[ t . 'u.v' ]\n\"a b\" = 1", ("t", "u.v", "a b"), 2),
        ("a.b.c = 1\na.b.d = 2", ("a", "b", "d"), 2),
        ("a = { b = 1, c.d = { e = 2 } }", ("a", "c", "d", "e"), 1),
        ("a = [\n  1,\n  2, # two\n]\nb = 1", ("a", 1), 3),
        ("a = [\n  1,\n]\nb = 1", ("b",), 4),
        ("a = [{ b = 1 },\n{ b = 2 }]", ("a", 1, "b"), 2),
        ("[[t]]\na = 1\n[[t]]\na = 2", ("t", 1, "a"), 4),
        ("[[t]]\n[t.u]\na = 1\n[[t]]\n[t.u]\na = 2", ("t", 1, "u", "a"), 6),
        ('a = """\nb = 1\n\\""" # no\n"""\nc = 1', ("c",), 5),
        ("a = '''\n'b = 1\n'''\nc = 1", ("c",), 4),
        ('a = "# no { [" # yes\nb = 1', ("b",), 2),
        ("a = 1.5\nb = 1979-05-27 07:32:00\nc = 1", ("c",), 3),
        ("a = 1\r\nb = 2\r\n", ("b",), 2),
        ('"\\u0061" = 1', ("a",), 1),
    ],
)
def test_where_a_key_stands(text: str, path: KeyPath, line: int) -> None:
    """Whatever way it is written."""
    loads(text)
    assert lines_of(text)[path] == line


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=4)
SCALARS = st.one_of(st.integers(0, 99), st.booleans(), st.text("ab\"'#\\\n{}[]=,. ", max_size=6))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@settings(max_examples=60)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_no_key_is_missed(data: dict[str, Any]) -> None:
    """Of any tables and arrays, each key and each entry has the line it was written on."""
    text, expected = written(data)
    assert loads(text) == data
    assert lines_of(text) == expected


def written(data: dict[str, Any]) -> tuple[str, dict[KeyPath, int]]:
    """A TOML text for data, one key of its first level on each line, and the line of every key in it."""
    lines: list[str] = []
    expected: dict[KeyPath, int] = {}
    for key, value in data.items():
        lines.append(f"{quoted(key)} = {spelled(value)}")
        expected.update(dict.fromkeys(paths((key,), value), len(lines)))
    return "\n".join(lines), expected


def paths(path: KeyPath, value: object) -> list[KeyPath]:
    """A key's path, and all below it."""
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path, *(inner for step, item in items for inner in paths((*path, step), item))]


def spelled(value: object) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{quoted(key)} = {spelled(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return quoted(value) if isinstance(value, str) else str(value).lower()


def quoted(text: str) -> str:
    """A text in quotes."""
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'
