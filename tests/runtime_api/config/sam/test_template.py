from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from runtime_api.config.sam.template import load_template
from runtime_api.protocol.function.function import InvalidFunction
from tests.runtime_api.config.files import write

# A few hundred bytes that say nine to the power of nine values.
LAUGHS = "a: &a [1]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n" for before, one in zip("abcdefghi", "bcdefghij", strict=True)
)


def load(folder: Path, text: str, name: str = "template.yaml") -> Any:  # noqa: ANN401  (what the text says)
    """The data of a template."""
    return load_template(write(folder / name, text)).data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Name", {"Ref": "Name"}),
        ("!Condition IsLive", {"Condition": "IsLive"}),
        ("!GetAtt Queue.Arn", {"Fn::GetAtt": ["Queue", "Arn"]}),
        ("!GetAtt [Queue, Arn]", {"Fn::GetAtt": ["Queue", "Arn"]}),
        ("!Sub '${A}-b'", {"Fn::Sub": "${A}-b"}),
        ("!Ref 123", {"Ref": "123"}),
        ("!Join ['-', [!Ref A, 1]]", {"Fn::Join": ["-", [{"Ref": "A"}, 1]]}),
        ("!If [IsLive, {A: 1}, !Ref 'AWS::NoValue']", {"Fn::If": ["IsLive", {"A": 1}, {"Ref": "AWS::NoValue"}]}),
        ("2010-09-09", "2010-09-09"),
        ("[1, 1.5, true, null, 'true', 0123]", [1, 1.5, True, None, "true", 83]),
    ],
)
def test_values(tmp_path: Path, text: str, value: object) -> None:
    """Short forms are long ones, dates are text, the rest is as YAML has it."""
    assert load(tmp_path, f"A: {text}") == {"A": value}


def test_anchors_and_merges(tmp_path: Path) -> None:
    """As CloudFormation's own tools read them."""
    text = "A: &a {X: 1, Y: 1}\nB: *a\nC:\n  <<: *a\n  Y: 2\n"
    assert load(tmp_path, text) == {"A": {"X": 1, "Y": 1}, "B": {"X": 1, "Y": 1}, "C": {"X": 1, "Y": 2}}


def test_json_is_read_too(tmp_path: Path) -> None:
    """Indented with tabs as well."""
    assert load(tmp_path, '{\n\t"A": {\n\t\t"Ref": "B"\n\t}\n}', "template.json") == {"A": {"Ref": "B"}}


def test_lines(tmp_path: Path) -> None:
    """Of keys and of entries of lists."""
    document = load_template(write(tmp_path / "t.yaml", "A:\n  B:\n    - 1\n    - C: 2\n"))
    assert document.where(("A", "B", 1, "C")).endswith("t.yaml, line 4, A.B[1].C")
    assert document.where(("A", "B", 0)).endswith("t.yaml, line 3, A.B[0]")
    assert document.where(("A", "X", "Y")).endswith("t.yaml, line 1, A.X.Y")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A: 1\nA: 2", ", line 2: the key A is given twice"),
        ("A: &a [*a]", ", line 1: it contains itself"),
        ("? [1, 2]\n: 1", ", line 1: a key must be text"),
        ("A: !!int x", ", line 1: invalid literal for int() with base 10: 'x'"),
        (f"A:\n {'[' * 100_000}", ", line 2: it goes deeper than 100 levels"),
        (LAUGHS, ", line 1: with what its aliases repeat it has more than 200000 values"),
        ("[1]", ": it is not a template, which has a section Resources"),
        ("", ": it is not a template, which has a section Resources"),
    ],
)
def test_what_is_no_template(tmp_path: Path, text: str, message: str) -> None:
    """The line is named."""
    with pytest.raises(InvalidFunction) as refused:
        load(tmp_path, text)
    assert str(refused.value) == f"{tmp_path / 'template.yaml'}{message}"


@pytest.mark.parametrize("text", ["A: [", "A: *nobody", "A: 1: 2", "\0"])
def test_what_is_no_yaml(tmp_path: Path, text: str) -> None:
    """In the words of the parser."""
    with pytest.raises(InvalidFunction, match=re.escape(str(tmp_path / "template.yaml"))):
        load(tmp_path, text)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Some editors write one."""
    assert load(tmp_path, "\ufeffA: 1") == {"A": 1}
