from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime_api.config.configuration import configuration_at
from runtime_api.config.document import KeyPath
from runtime_api.config.sam.template import load_template
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.function import InvalidFunction
from tests.runtime_api.config.files import write
from tests.runtime_api.config.sam.test_attachments import CLOUDFORMATION
from tests.runtime_api.config.sam.test_functions import EVERYTHING, RUNNING

SAM = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:" + EVERYTHING.replace("PYTHON", RUNNING)
NAMES = st.sampled_from(["F", "Queue", "One", "AWS::NoValue", "AWS::Region", "Nope", "Queue.Arn", "${F}", "", "\0"])
SCALARS = st.none() | st.booleans() | st.integers() | NAMES | st.floats(allow_nan=False, allow_infinity=False)
FUNCTIONS = st.sampled_from(
    ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::FindInMap"]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FUNCTIONS | NAMES, inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: KeyPath = ()) -> list[KeyPath]:  # noqa: ANN401  (any part of a template)
    """The paths of all that is in a value."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [deep for step, item in items for deep in ((*path, step), *places(item, (*path, step)))]


def refusal_of(file: Path) -> str | None:
    """Why a template is refused; None when it is served."""
    try:
        assert configuration_at(file, Settings()).functions
    except InvalidFunction as error:
        return str(error)
    return None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_anywhere(tmp_path: Path, data: st.DataObject) -> None:
    """A template is served or refused in words, never by accident."""
    text = data.draw(st.sampled_from([SAM, CLOUDFORMATION]))
    template = load_template(write(tmp_path / "original.yaml", text)).data
    place: list[Any] = list(data.draw(st.sampled_from(places(template))))
    around = template
    for step in place[:-1]:
        around = around[step]
    around[place[-1]] = data.draw(ANYTHING)
    for folder in ("src", "layer"):
        write(tmp_path / folder / "main.py")
    file = write(tmp_path / "template.json", json.dumps(template))
    said = refusal_of(file)
    assert said is None or said.startswith(str(file))
