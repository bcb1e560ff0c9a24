"""Intrinsic functions, parameters and conditions of a template, worked out when a value is needed.

Strategy: only what is asked for is resolved, so a template may hold much that means nothing here. A value keeps its path while it is
resolved, for errors to name the line. What only a deployment could know is an error, which says where it may be given instead.

Source: the intrinsic function reference of the CloudFormation User Guide.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from runtime_api.config.document import AnyStruct, Document, KeyPath, did_you_mean
from runtime_api.config.sam.resources import attribute_of, made_by_sam, name_property, ref_of
from runtime_api.protocol.function.function import InvalidFunction
from runtime_api.protocol.function.function_name import Account

# Names that name two others each double with every step.
_STEPS_LIMIT = 500_000
_NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{(?P<literal>!)?\s*(?P<name>[^}]*?)\s*\}")
_INTRINSIC = re.compile(r"Ref|Condition|Fn::\w+")


class Intrinsics:
    """Resolves the values of one template; each method raises ConfigurationError."""

    def __init__(self, document: Document, parameters: Mapping[str, str], account: Account) -> None:
        self._document = document
        self._given = parameters
        self._account = account
        self._naming: set[str] = set()
        self._deciding: set[str] = set()
        self._steps = 0
        self._pseudo = {
            "AWS::AccountId": account.account_id,
            "AWS::NoValue": _NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": account.region,
            "AWS::StackId": f"arn:aws:cloudformation:{account.region}:{account.account_id}:stack/pilotlight/0",
            "AWS::StackName": "pilotlight",
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._functions: dict[str, Callable[[Any, KeyPath], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::And": lambda value, path: all(self._truths(value, path)),
            "Fn::Base64": lambda value, path: base64.b64encode(self._text(value, path).encode()).decode(),
            "Fn::Equals": self._equals,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Not": lambda value, path: not all(self._truths(value, path)),
            "Fn::Or": lambda value, path: any(self._truths(value, path)),
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }
        self._check_parameters()

    def resolve(self, value: Any, path: KeyPath) -> Any:  # noqa: ANN401  (any value of a template)
        """The value with every function in it worked out; members that are AWS::NoValue are left out, and itself then is None."""
        resolved = self._resolve(value, path)
        return None if resolved is _NO_VALUE else resolved

    def table(self, value: Any, path: KeyPath) -> dict[str, Any]:  # noqa: ANN401
        """A table whose members are left as they are, though it may itself be chosen by a function; an empty one where there is none."""
        is_function = isinstance(value, dict) and len(value) == 1 and _INTRINSIC.fullmatch(next(iter(value)))
        found = self.resolve(value, path) if is_function else value
        if found is not None and not isinstance(found, dict):
            raise self._document.error(path, "expected a table")
        return found or {}

    def struct(
        self, table: Mapping[str, Any], path: KeyPath, kind: type[AnyStruct], leave: Sequence[str] = ()
    ) -> AnyStruct:
        """The struct a table of properties spells, of which only the struct's members are worked out; those to `leave` are left out."""
        keys = [field.encode_name for field in msgspec.structs.fields(kind)]
        known = {key: self.resolve(table[key], (*path, key)) for key in keys if key in table and key not in leave}
        return self._document.struct(
            {key: value for key, value in known.items() if value is not None}, path, kind, strict=False
        )

    def is_wanted(self, resource: Mapping[str, Any], path: KeyPath) -> bool:
        """Whether the condition of a resource, if it has one, holds."""
        condition = resource.get("Condition")
        return condition is None or self._condition(condition, (*path, "Condition"))

    def name_of(self, logical_id: str, path: KeyPath) -> str:
        """What a resource of the template is called in the account."""
        if logical_id in self._naming:
            raise self._document.error(path, f"the name of {logical_id} leads back to itself")
        resource = self._resource(logical_id, path)
        own = name_property(resource["Type"])
        given = (resource.get("Properties") or {}).get(own) if own is not None else None
        self._naming.add(logical_id)
        try:
            name = self.resolve(given, ("Resources", logical_id, "Properties", own or ""))
            return as_text(name) if name is not None else logical_id
        finally:
            self._naming.discard(logical_id)

    def _check_parameters(self) -> None:
        declared = list(self._document.data.get("Parameters") or {})
        for name in self._given:
            if name not in declared:
                hint = did_you_mean(name, declared)
                raise InvalidFunction(f"--parameter {name}: {self._document.file} has no such parameter{hint}")

    def _resolve(self, value: Any, path: KeyPath) -> Any:  # noqa: ANN401
        self._steps += 1
        if self._steps > _STEPS_LIMIT:
            raise self._document.error(
                path, "names and conditions that are made of others come to too many to work out"
            )
        if isinstance(value, list):
            made = [self._resolve(item, (*path, index)) for index, item in enumerate(value)]
            return [item for item in made if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in self._functions and not (name == "Condition" and not isinstance(argument, str)):
                return self._functions[name](argument, (*path, name))
            if _INTRINSIC.fullmatch(name) and name != "Condition":
                raise self._unknowable(path, f"{name} cannot be worked out here")
        pairs = ((name, self._resolve(item, (*path, name))) for name, item in value.items())
        return {name: item for name, item in pairs if item is not _NO_VALUE}

    def _unknowable(self, path: KeyPath, what: str) -> InvalidFunction:
        or_flag = ", or give the variable with --env NAME=VALUE" if "Variables" in path else ""
        return self._document.error(path, f"{what}: write a value or a parameter instead{or_flag}")

    def _ref(self, name: Any, path: KeyPath) -> Any:  # noqa: ANN401
        if not isinstance(name, str):
            raise self._document.error(path, "Ref takes the name of a parameter or a resource")
        if name in self._pseudo:
            return self._pseudo[name]
        if name in (self._document.data.get("Parameters") or {}):
            return self._parameter(name, path)
        return ref_of(self._resource(name, path)["Type"], self.name_of(name, path), self._account)

    def _parameter(self, name: str, path: KeyPath) -> Any:  # noqa: ANN401
        declared = self._document.data["Parameters"][name] or {}
        kind = str(declared.get("Type", "String"))
        # The default of one that is kept in the Parameter Store is its key there, not its value.
        value = self._given.get(name, None if kind.startswith("AWS::SSM::") else declared.get("Default"))
        if value is None:
            raise self._document.error(
                path, f"the parameter {name} has no value here: give it with --parameter {name}=VALUE"
            )
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        return [item.strip() for item in str(value).split(",")] if is_list else value

    def _resource(self, logical_id: Any, path: KeyPath) -> dict[str, Any]:  # noqa: ANN401
        resources: dict[str, Any] = self._document.data.get("Resources") or {}
        name = logical_id if isinstance(logical_id, str) else str(logical_id)
        found = resources.get(name, {})
        kind = found.get("Type") if found else made_by_sam(name, resources)
        if not isinstance(kind, str):
            known = [*(self._document.data.get("Parameters") or {}), *resources]
            hint = did_you_mean(name, known) if len(known) < 20 else ""
            raise self._document.error(path, f"the template has no parameter and no resource {name}{hint}")
        return {**found, "Type": kind}

    def _get_att(self, value: Any, path: KeyPath) -> str:  # noqa: ANN401
        parts = value.split(".", 1) if isinstance(value, str) else self._list(value, path, 2)
        logical_id, attribute = parts[0], self._text(parts[-1], path)
        kind = self._resource(logical_id, path)["Type"]
        found = attribute_of(kind, self.name_of(logical_id, path), attribute, self._account)
        if found is None:
            raise self._unknowable(path, f"{logical_id}.{attribute} is known only once it is deployed")
        return found

    def _sub(self, value: Any, path: KeyPath) -> str:  # noqa: ANN401
        template, own = (value, {}) if isinstance(value, str) else self._list(value, path, 2)
        if not isinstance(template, str) or not isinstance(own, dict):
            raise self._document.error(path, "Fn::Sub takes a text, or a list of a text and a table")

        def replaced(found: re.Match[str]) -> str:
            name = found["name"]
            if found["literal"]:
                return f"${{{name}}}"
            if name in own:
                return self._text(own[name], (*path, 1, name))
            return self._text(self._get_att(name, path) if "." in name else self._ref(name, path), path)

        return _PLACEHOLDER.sub(replaced, template)

    def _join(self, value: Any, path: KeyPath) -> str:  # noqa: ANN401
        separator, items = self._list(value, path, 2)
        parts = self._resolve(items, (*path, 1))
        if not isinstance(parts, list):
            raise self._document.error(path, "Fn::Join takes a separator and a list")
        return self._text(separator, path).join(self._text(part, path) for part in parts)

    def _split(self, value: Any, path: KeyPath) -> list[str]:  # noqa: ANN401
        separator, text = self._list(value, path, 2)
        return self._text(text, (*path, 1)).split(self._text(separator, path) or ",")

    def _select(self, value: Any, path: KeyPath) -> Any:  # noqa: ANN401
        index, items = (self._resolve(one, path) for one in self._list(value, path, 2))
        try:
            return items[int(index)]
        except (ValueError, TypeError, IndexError):
            raise self._document.error(path, f"Fn::Select: there is no entry {index} in the list") from None

    def _find_in_map(self, value: Any, path: KeyPath) -> Any:  # noqa: ANN401
        keys = [self._text(one, path) for one in self._list(value, path, 3)]
        found = self._document.data.get("Mappings") or {}
        for key in keys:
            if not isinstance(found, dict) or key not in found:
                raise self._document.error(path, f"Fn::FindInMap: Mappings has no {'.'.join(keys)}")
            found = found[key]
        return found

    def _if(self, value: Any, path: KeyPath) -> Any:  # noqa: ANN401
        condition, *branches = self._list(value, path, 3)
        chosen = 0 if self._condition(condition, path) else 1
        return self._resolve(branches[chosen], (*path, chosen + 1))

    def _condition(self, name: Any, path: KeyPath) -> bool:  # noqa: ANN401
        conditions = self._document.data.get("Conditions") or {}
        if not isinstance(name, str) or name not in conditions:
            raise self._document.error(
                path, f"the template has no condition {name}{did_you_mean(str(name), list(conditions))}"
            )
        if name in self._deciding:
            raise self._document.error(path, f"the condition {name} leads back to itself")
        self._deciding.add(name)
        try:
            return self._resolve(conditions[name], ("Conditions", name)) in (True, "true")
        finally:
            self._deciding.discard(name)

    def _equals(self, value: Any, path: KeyPath) -> bool:  # noqa: ANN401
        left, right = (self._text(one, path) for one in self._list(value, path, 2))
        return left == right

    def _truths(self, value: Any, path: KeyPath) -> list[bool]:  # noqa: ANN401
        if not isinstance(value, list):
            raise self._document.error(path, "a list of conditions is needed here")
        return [self._resolve(one, (*path, index)) in (True, "true") for index, one in enumerate(value)]

    def _list(self, value: Any, path: KeyPath, size: int) -> list[Any]:  # noqa: ANN401
        if not isinstance(value, list) or len(value) != size:
            raise self._document.error(path, f"{path[-1]} takes a list of {size}")
        return value

    def _text(self, value: Any, path: KeyPath) -> str:  # noqa: ANN401
        resolved = self._resolve(value, path)
        if resolved is _NO_VALUE or isinstance(resolved, dict | list):
            raise self._document.error(path, "a text is needed here")
        return as_text(resolved)


def as_text(value: object) -> str:
    """A scalar as CloudFormation writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
