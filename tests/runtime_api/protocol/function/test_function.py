from __future__ import annotations

import re
from typing import Any

import pytest

from runtime_api.protocol.function.function import RESERVED_VARIABLES, Function, InvalidFunction
from runtime_api.protocol.function.url_config import UrlConfig

PLAIN: dict[str, Any] = {"name": "hello", "task_root": "/srv/hello", "handler": "app.handler"}


def make(**members: object) -> Function:
    """A function that is fine but for `members`."""
    return Function(**{**PLAIN, **members})


def test_the_defaults() -> None:
    """Three seconds, 128 MB, our bootstrap, nothing reserved."""
    function = make()
    numbers = (function.timeout_ms, function.memory_mb, function.concurrency, function.provisioned_concurrency)
    assert (*numbers, function.runtime, function.version) == (3000, 128, None, 0, "python", "$LATEST")
    assert (function.environment, function.command, function.python) == ({}, (), None)


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 64])
def test_names_that_are_allowed(name: str) -> None:
    """Letters, digits, hyphens and underscores, up to 64."""
    assert make(name=name).name == name


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a.b", "a/b", "é", "a\n", "$LATEST"])
def test_names_that_are_not(name: str) -> None:
    """Anything else is refused by name."""
    with pytest.raises(InvalidFunction) as refused:
        make(name=name)
    assert str(refused.value) == f"function name {name!r}: use 1 to 64 letters, digits, '-' and '_'"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"timeout_ms": 0}, "timeout 0 ms: it must be between 1 and 900000 ms"),
        ({"timeout_ms": 900_001}, "timeout 900001 ms: it must be between 1 and 900000 ms"),
        ({"memory_mb": 127}, "memory 127 MB: it must be between 128 and 10240 MB"),
        ({"memory_mb": 10_241}, "memory 10241 MB: it must be between 128 and 10240 MB"),
        ({"concurrency": -1}, "concurrency -1: it cannot be negative (0 refuses every call)"),
        ({"handler": ""}, "function hello: the python runtime needs a handler, such as app.handler"),
        ({"runtime": "command"}, "function hello: a command goes with the command runtime, and with no other"),
        ({"command": ("x",)}, "function hello: a command goes with the command runtime, and with no other"),
        ({"tmp_mb": 511}, "size of /tmp 511 MB: it must be between 512 and 10240 MB"),
        ({"tmp_mb": 10_241}, "size of /tmp 10241 MB: it must be between 512 and 10240 MB"),
        ({"isolation": "docker"}, "isolation 'docker': use one of process, bubblewrap"),
        ({"layers": ("a", "b", "c", "d", "e", "f")}, "6 layers: Cannot reference more than 5 layers."),
        ({"layers": ("/a", "/b", "/a")}, "layer /a: it is given twice; name each layer once"),
        ({"layers": ("a\0",)}, "function hello: no path of a layer can contain a NUL character"),
        ({"runtime": "node"}, "runtime 'node': use one of python, provided, command"),
        ({"init_type": "x"}, "init type 'x': use one of on-demand, provisioned-concurrency, snap-start"),
        ({"max_concurrency": 0}, "max concurrency 0 invocations: it must be between 1 and 1600 invocations"),
        (
            {"max_concurrency": 2, "freeze": True},
            "function hello: sandboxes with a max concurrency are never frozen",
        ),
        ({"init_type": "snap-start", "tmp_mb": 600}, "size of /tmp 600 MB: with SnapStart it is 512 MB"),
        (
            {"init_type": "snap-start", "tenant_isolation": True},
            "function hello: init type snap-start and tenant isolation do not go together; choose one",
        ),
        (
            {"max_concurrency": 2, "tenant_isolation": True},
            "function hello: max concurrency and tenant isolation do not go together; choose one",
        ),
        ({"version": "01"}, "version '01': use $LATEST, or a number from 1 on"),
        (
            {"provisioned_concurrency": 1},
            "function hello: provisioned concurrency goes with a version or an alias, not with $LATEST",
        ),
        (
            {"version": "1", "provisioned_concurrency": -1},
            "provisioned concurrency -1: it cannot be negative",
        ),
        (
            {"version": "1", "provisioned_concurrency": 1, "init_type": "snap-start"},
            "function hello: init type snap-start and provisioned concurrency do not go together; choose one",
        ),
        (
            {"url": UrlConfig(), "tenant_isolation": True},
            "function hello: tenant isolation and a URL do not go together",
        ),
        ({"url": UrlConfig(), "version": "1"}, "function hello: $LATEST and aliases have URLs, version 1 cannot"),
        (
            {"dead_letter_target": "arn:aws:lambda:us-east-1:123456789012:function:f"},
            "dead letter target 'arn:aws:lambda:us-east-1:123456789012:function:f': "
            "use the ARN of an SQS queue or an SNS topic",
        ),
        ({"recursive_loop": "Stop"}, "recursive loop 'Stop': use one of Terminate, Allow"),
    ],
)
def test_what_cannot_be_is_refused(members: dict[str, Any], message: str) -> None:
    """Each member is checked, and the message says what it may be."""
    with pytest.raises(InvalidFunction) as refused:
        make(**members)
    assert str(refused.value) == message


def test_the_initialization_type() -> None:
    """As it was chosen, unless sandboxes take several invocations at once."""
    types = [make(init_type=kind).initialization_type.value for kind in ("on-demand", "snap-start")]
    assert [*types, make(max_concurrency=2).initialization_type.value] == [
        "on-demand",
        "snap-start",
        "lambda-managed-instances",
    ]


@pytest.mark.parametrize(
    "members",
    [
        {"timeout_ms": 1},
        {"timeout_ms": 900_000},
        {"memory_mb": 128},
        {"memory_mb": 10_240},
        {"concurrency": 0},
        {"tmp_mb": 10_240, "isolation": "bubblewrap"},
        {"layers": ("a", "b", "c", "d", "e")},
        {"runtime": "provided", "handler": ""},
        {"version": "1", "provisioned_concurrency": 2, "concurrency": 2},
        {"version": "12", "dead_letter_target": "arn:aws:sns:us-east-1:123456789012:topic"},
        {"runtime": "command", "command": ("./run",), "handler": ""},
    ],
    ids=str,
)
def test_the_edges_are_allowed(members: dict[str, Any]) -> None:
    """The ends of each range belong to it."""
    make(**members)


@pytest.mark.parametrize("name", sorted(RESERVED_VARIABLES))
def test_reserved_variables_cannot_be_set(name: str) -> None:
    """Lambda sets these itself."""
    with pytest.raises(InvalidFunction, match=f"environment variable {name}: Lambda sets this one itself"):
        make(environment={name: "x"})


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_credentials_may_be_given(name: str) -> None:
    """On a developer's machine these are the user's to give."""
    assert make(environment={name: "x"}).environment == {name: "x"}


@pytest.mark.parametrize("name", ["", "A", "_A", "1A", "A-B", "A B", "A=B", "ÄÖ", "AB\n"])
def test_variable_names_that_are_not_allowed(name: str) -> None:
    """A letter, then at least one of letters, digits and underscores."""
    with pytest.raises(InvalidFunction) as refused:
        make(environment={name: "x"})
    assert (
        str(refused.value)
        == f"environment variable {name!r}: use a letter, and then one or more letters, digits and '_'"
    )


@pytest.mark.parametrize(("value", "what"), [("a\0b", "contains a NUL character"), ("\udcff", "is not valid Unicode")])
def test_values_no_process_can_have(value: str, what: str) -> None:
    """Refused here, not when a sandbox starts."""
    with pytest.raises(InvalidFunction) as refused:
        make(environment={"AB": value})
    assert str(refused.value) == f"environment variable AB: the value {what}"


def test_the_environment_is_four_kilobytes_as_json() -> None:
    """`{"AB":"…"}` is nine bytes around its value; one more than 4096 is too much."""
    assert make(environment={"AB": "x" * (4096 - 9)})
    with pytest.raises(InvalidFunction) as refused:
        make(environment={"AB": "x" * (4096 - 8)})
    assert str(refused.value) == "environment: 4097 bytes as JSON, Lambda allows 4096"


def test_credentials_do_not_count() -> None:
    """A long session token leaves the four kilobytes to the function."""
    make(environment={"AWS_SESSION_TOKEN": "x" * 5000, "AB": "x" * (4096 - 9)})


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"log_format": "yaml"}, "log format 'yaml': use one of text, json"),
        (
            {"log_format": "json", "application_log_level": "LOUD"},
            "application log level 'LOUD': use one of TRACE, DEBUG",
        ),
        ({"log_format": "json", "system_log_level": "ERROR"}, "system log level 'ERROR': use one of DEBUG, INFO, WARN"),
        ({"application_log_level": "WARN"}, "function f: log levels go with the log format json, and with no other"),
    ],
)
def test_logs_that_cannot_be(members: dict[str, Any], message: str) -> None:
    """Format and levels are the documented ones, and only JSON has levels."""
    with pytest.raises(InvalidFunction, match=re.escape(message)):
        Function(**{"name": "f", "task_root": "/", "handler": "a.b", **members})


def test_many_at_once_log_json() -> None:
    """Whatever the format says: lines could not be told apart otherwise."""
    many = Function(name="f", task_root="/", handler="a.b", max_concurrency=2, application_log_level="WARN")
    assert many.json_logs


@pytest.mark.parametrize(
    ("members", "member"),
    [
        ({"name": "a b"}, "name"),
        ({"timeout_ms": 0}, "timeout_ms"),
        ({"handler": ""}, "handler"),
        ({"environment": {"AWS_REGION": "x"}}, "environment.AWS_REGION"),
        ({"concurrency": -1}, "concurrency"),
        ({"dead_letter_target": "arn:x"}, "dead_letter_target"),
    ],
)
def test_the_wrong_member_is_named(members: dict[str, Any], member: str) -> None:
    """For what reads configuration from a file, and knows its line."""
    with pytest.raises(InvalidFunction) as refused:
        make(**members)
    assert refused.value.member == member
