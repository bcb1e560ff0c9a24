"""A template's text as data with line numbers; the short forms of functions (!Ref, !Sub …) become their long ones.

Strategy: PyYAML composes the text into nodes, which know their lines; scalars get their values by its safe rules, but dates stay text, as
CloudFormation takes them. JSON is read as the YAML it is. How deep a template goes is looked at before it is composed, and how much its
aliases make of it while it is gone through: a short text can say endlessly much.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from runtime_api.config.document import ConfigurationError, Document, KeyPath
from runtime_api.protocol.function.function import InvalidFunction

# More than a template of 1 MB, the most CloudFormation takes, has use for.
_DEPTH_LIMIT, _VALUES_LIMIT = 100, 200_000
_WITHOUT_PREFIX = ("Ref", "Condition")
# Written in C and ten times as fast, where it was built.
_YAML: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_template(file: Path) -> Document:
    """The template in a file; raises InvalidFunction, with the line where it is not YAML."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidFunction(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeError as error:
        raise InvalidFunction(f"{file} is not UTF-8 text: {error}") from None
    loader = _Loader(file, text)
    with loader.explained():
        data = loader.data()
    if not isinstance(data, dict):
        raise InvalidFunction(f"{file}: it is not a template, which has a section Resources")
    return Document(file, data, loader.lines)


class _Loader:
    """Goes through the nodes of one file once."""

    def __init__(self, file: Path, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._file = file
        # YAML has no tabs between tokens, and JSON has none within strings.
        self._text = text.replace("\t", " ") if file.suffix == ".json" else text
        self._yaml = _YAML(self._text)
        self._within: set[int] = set()
        self._values = 0

    def data(self) -> Any:  # noqa: ANN401  (what the file holds)
        self._refuse_deep()
        node = self._yaml.get_single_node()
        return self._value(node, ()) if node is not None else None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Have what PyYAML says be said with file and line."""
        try:
            yield
        except yaml.MarkedYAMLError as error:
            line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
            raise ConfigurationError(f"{self._file}{line}: {error.problem or error.context}") from None
        except (yaml.YAMLError, RecursionError) as error:
            raise ConfigurationError(f"{self._file}: it is not correct YAML: {error}") from None
        finally:
            self._yaml.dispose()

    def _refuse_deep(self) -> None:
        depth = 0
        for event in yaml.parse(self._text, Loader=_YAML):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH_LIMIT:
                where = f"{self._file}, line {event.start_mark.line + 1}" if event.start_mark else f"{self._file}"
                raise ConfigurationError(f"{where}: it goes deeper than {_DEPTH_LIMIT} levels")

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401
        self._values += 1
        if self._values > _VALUES_LIMIT:
            raise yaml.MarkedYAMLError(
                problem=f"with what its aliases repeat it has more than {_VALUES_LIMIT} values",
                problem_mark=node.start_mark,
            )
        self.lines.setdefault(path, node.start_mark.line + 1)
        if not node.tag.startswith("!"):
            return self._plain(node, path)
        name = node.tag.removeprefix("!")
        name = name if name in _WITHOUT_PREFIX else f"Fn::{name}"
        value = self._argument(node, (*path, name))
        is_dotted = name == "Fn::GetAtt" and isinstance(value, str)
        return {name: value.split(".", 1) if is_dotted else value}

    def _argument(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401
        """What follows a tag: text is not guessed to be a number."""
        return str(node.value) if isinstance(node, yaml.ScalarNode) else self._plain(node, path)

    def _plain(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401
        if isinstance(node, yaml.MappingNode):
            with self._once(node):
                return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            with self._once(node):
                return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.tag == "tag:yaml.org,2002:timestamp":
            return str(node.value)
        try:
            return self._yaml.construct_object(node)
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        self._refuse_twice(node)
        self._yaml.flatten_mapping(node)
        made: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            own = (*path, name)
            self.lines[own] = key.start_mark.line + 1
            made[name] = self._value(value, own)
        return made

    def _refuse_twice(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)

    @contextmanager
    def _once(self, node: yaml.Node) -> Iterator[None]:
        if id(node) in self._within:
            raise yaml.MarkedYAMLError(problem="it contains itself", problem_mark=node.start_mark)
        self._within.add(id(node))
        yield
        self._within.discard(id(node))
