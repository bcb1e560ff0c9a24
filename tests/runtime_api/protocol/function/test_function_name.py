from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.function.function_name import (
    _PATTERN,
    Account,
    FunctionReference,
    check_reachable,
    parse_reference,
)
from runtime_api.protocol.invoke.errors import AccessDenied, InvalidParameterValue, ResourceNotFound, ValidationFailed

ACCOUNT = "123456789012"
FORMS: list[tuple[str, FunctionReference]] = [
    ("hello", FunctionReference("hello", None)),
    ("hello:PROD", FunctionReference("hello", "PROD")),
    ("hello:7", FunctionReference("hello", "7")),
    ("hello:$LATEST", FunctionReference("hello", "$LATEST")),
    ("hello:$LATEST.PUBLISHED", FunctionReference("hello", "$LATEST.PUBLISHED")),
    ("function:hello", FunctionReference("hello", None)),
    (f"{ACCOUNT}:function:hello", FunctionReference("hello", None, None, ACCOUNT)),
    (f"{ACCOUNT}:function:hello:PROD", FunctionReference("hello", "PROD", None, ACCOUNT)),
    (f"{ACCOUNT}:hello", FunctionReference("hello", None, None, ACCOUNT)),
    (
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:hello",
        FunctionReference("hello", None, "us-east-1", ACCOUNT),
    ),
    (
        f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:hello:$LATEST",
        FunctionReference("hello", "$LATEST", "eu-central-1", ACCOUNT),
    ),
    (
        f"arn:aws-us-gov:lambda:us-gov-west-1:{ACCOUNT}:function:a_b-C9:v1",
        FunctionReference("a_b-C9", "v1", "us-gov-west-1", ACCOUNT),
    ),
    ("my.function", FunctionReference("my.function", None)),
]


@pytest.mark.parametrize(("text", "reference"), FORMS, ids=[text for text, _ in FORMS])
def test_every_form(text: str, reference: FunctionReference) -> None:
    """Name, partial ARN and ARN, with and without a qualifier."""
    assert parse_reference(text) == reference


def test_the_parameter_qualifies_a_plain_name() -> None:
    """The Qualifier parameter counts where the name has none."""
    assert parse_reference("hello", "PROD") == FunctionReference("hello", "PROD")


def test_two_equal_qualifiers_agree() -> None:
    """The same qualifier twice is one."""
    assert parse_reference("hello:PROD", "PROD").qualifier == "PROD"


def test_two_different_qualifiers_are_refused() -> None:
    """The service's own words."""
    with pytest.raises(InvalidParameterValue) as refused:
        parse_reference("hello:PROD", "TEST")
    assert refused.value.message == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "hello:",
        ":hello",
        "hello:a:b",
        "hello/x",
        "héllo",
        "hello\n",
        "x" * 257,
        f"arn:aws:s3:us-east-1:{ACCOUNT}:function:x",
        "arn:aws:lambda:us-east-1:12:function:x",
        "hello:$latest",
        "arn:aws:lambda:us-east-1:١٢٣٤٥٦٧٨٩٠١٢:function:x",
    ],
)
def test_what_is_no_reference(text: str) -> None:
    """Refused with the value, the member and the pattern."""
    with pytest.raises(ValidationFailed) as refused:
        parse_reference(text)
    assert refused.value.message == (
        f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {_PATTERN}"
    )


@pytest.mark.parametrize("qualifier", ["", "a b", "x" * 129, "$OTHER", "a.b"])
def test_what_is_no_qualifier(qualifier: str) -> None:
    """The parameter has its own pattern."""
    with pytest.raises(ValidationFailed, match="at 'qualifier' failed to satisfy constraint"):
        parse_reference("hello", qualifier)


@given(st.from_regex(re.compile(_PATTERN, re.ASCII), fullmatch=True).filter(lambda text: len(text) <= 256))
def test_what_the_printed_pattern_allows_is_read(text: str) -> None:
    """A refusal never shows a pattern that its value satisfies."""
    assert parse_reference(text).name


@given(st.text(max_size=40))
def test_what_the_printed_pattern_forbids_is_refused(text: str) -> None:
    """And the other way round."""
    if re.fullmatch(_PATTERN, text, re.ASCII):
        return
    with pytest.raises(ValidationFailed):
        parse_reference(text)


NAME = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)


@given(NAME, st.none() | NAME)
def test_an_arn_is_read_back(name: str, qualifier: str | None) -> None:
    """What `function_arn` writes, `parse_reference` reads."""
    account = Account()
    reference = parse_reference(account.function_arn(name, qualifier))
    assert reference == FunctionReference(name, qualifier, account.region, account.account_id)


def test_another_region_is_not_reachable() -> None:
    """404 with both regions named."""
    with pytest.raises(ResourceNotFound) as refused:
        check_reachable(FunctionReference("hello", None, "eu-west-1"), Account())
    assert refused.value.message == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"


def test_another_account_is_denied() -> None:
    """403, and the message is null."""
    with pytest.raises(AccessDenied) as refused:
        check_reachable(FunctionReference("hello", None, None, "999999999999"), Account())
    assert refused.value.body == b'{"Message":null}'


@pytest.mark.parametrize(
    "text", ["hello", f"{ACCOUNT}:function:hello", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:x"]
)
def test_our_own_are_reachable(text: str) -> None:
    """No region and no account, or ours."""
    check_reachable(parse_reference(text), Account())
