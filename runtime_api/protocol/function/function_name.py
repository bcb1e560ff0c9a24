"""How callers address a function: name, name:qualifier, account:function:name, or an ARN, each with an optional qualifier.

Source: the FunctionName and Qualifier parameters of Invoke in the Lambda API reference; texts as the service answers them.
"""

from __future__ import annotations

import re

import msgspec

from runtime_api.protocol.invoke.errors import AccessDenied, InvalidParameterValue, ResourceNotFound, ValidationFailed
from runtime_api.protocol.limits import FUNCTION_REFERENCE_LIMIT

_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
_REFERENCE = re.compile(
    # _PATTERN, which a refusal shows, with its parts named; a test holds the two together.
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_\.]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
    re.ASCII,
)
_QUALIFIER = re.compile(r"\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]{1,128}")


class Account(msgspec.Struct, frozen=True):
    """Whose functions are served, and in which region."""

    account_id: str = "123456789012"
    region: str = "us-east-1"

    def function_arn(self, name: str, qualifier: str | None = None) -> str:
        """The ARN of a function, qualified only when a qualifier is given."""
        arn = f"arn:aws:lambda:{self.region}:{self.account_id}:function:{name}"
        return f"{arn}:{qualifier}" if qualifier else arn


class FunctionReference(msgspec.Struct, frozen=True):
    """A function as a caller named it; `qualifier` is None when the caller gave none."""

    name: str
    qualifier: str | None
    region: str | None = None
    account_id: str | None = None


def parse_reference(text: str, qualifier: str | None = None) -> FunctionReference:
    """Read a decoded FunctionName and the Qualifier parameter; raises ValidationFailed or InvalidParameterValue."""
    found = _REFERENCE.fullmatch(text) if len(text) <= FUNCTION_REFERENCE_LIMIT else None
    if found is None:
        raise ValidationFailed(text, "functionName", f"Member must satisfy regular expression pattern: {_PATTERN}")
    if qualifier is not None and not _QUALIFIER.fullmatch(qualifier):
        pattern = r"Member must satisfy regular expression pattern: \$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+"
        raise ValidationFailed(qualifier, "qualifier", pattern)
    named = found["qualifier"]
    if named and qualifier and named != qualifier:
        raise InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionReference(found["name"], named or qualifier, found["region"], found["account"])


def check_reachable(reference: FunctionReference, account: Account) -> None:
    """Refuse an ARN of another region (404) or another account (403), as the service does."""
    if reference.region and reference.region != account.region:
        raise ResourceNotFound(
            f"Functions from '{reference.region}' are not reachable in this region ('{account.region}')"
        )
    if reference.account_id and reference.account_id != account.account_id:
        raise AccessDenied(None)
