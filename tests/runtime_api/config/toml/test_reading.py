from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.config.settings import Settings
from runtime_api.protocol.asynchronous.queue_address import QueueAddress
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.function.url_config import Cors, UrlConfig
from tests.runtime_api.config.files import only, read, refusal, write

EVERYTHING = """
[functions.orders]
path = "src"
handler = "main.handler"
python = "bin/python"
timeout = 1.5
memory = 256
environment = { STAGE = "dev" }
env_file = "variables"
layers = ["layer"]
isolation = "bubblewrap"
tmp_size = 1024
freeze = true
cpu_share = true
concurrency = 5
log_format = "json"
application_log_level = "DEBUG"
system_log_level = "WARN"
recursive_loop = "Allow"
dead_letter_target = "arn:aws:sqs:us-east-1:123456789012:dead"

[functions.orders.url]
auth_type = "AWS_IAM"
invoke_mode = "RESPONSE_STREAM"
cors = { allow_origins = ["*"], allow_credentials = true, max_age = 60 }

[functions.orders.event_invoke]
maximum_retry_attempts = 0
maximum_event_age = 60
on_success = "audit"
on_failure = "file:failed.jsonl"
"""


def toml(folder: Path, text: str) -> Path:
    """A pilotlight.toml beside a function."""
    write(folder / "app.py")
    return write(folder / "pilotlight.toml", text)


def test_everything_a_function_may_say(tmp_path: Path) -> None:
    """In the words of the flags; paths are taken from the file's folder."""
    write(tmp_path / "src" / "main.py")
    write(tmp_path / "bin" / "python").chmod(0o755)
    write(tmp_path / "variables", "STAGE=file\nTABLE=orders\n")
    (tmp_path / "layer").mkdir()
    assert only(read(toml(tmp_path, EVERYTHING))) == Function(
        name="orders",
        task_root=str(tmp_path / "src"),
        handler="main.handler",
        python=str(tmp_path / "bin" / "python"),
        timeout_ms=1500,
        memory_mb=256,
        environment={"STAGE": "dev", "TABLE": "orders"},
        concurrency=5,
        isolation="bubblewrap",
        layers=(str(tmp_path / "layer"),),
        tmp_mb=1024,
        freeze=True,
        cpu_share=True,
        log_format="json",
        application_log_level="DEBUG",
        system_log_level="WARN",
        recursive_loop="Allow",
        dead_letter_target="arn:aws:sqs:us-east-1:123456789012:dead",
        url=UrlConfig(
            auth_type="AWS_IAM",
            invoke_mode="RESPONSE_STREAM",
            cors=Cors(allow_origins=("*",), allow_credentials=True, max_age_s=60),
        ),
        event_invoke=EventInvokeConfig(
            maximum_retry_attempts=0,
            maximum_event_age_ms=60_000,
            on_success="audit",
            on_failure=f"file:{tmp_path / 'failed.jsonl'}",
        ),
    )


def test_a_function_may_say_nothing(tmp_path: Path) -> None:
    """Then it is what is beside the file, with a URL."""
    expected = Function(name="f", task_root=str(tmp_path), handler="app.handler", url=UrlConfig())
    assert only(read(toml(tmp_path, "[functions.f]"))) == expected
    assert only(read(toml(tmp_path, "[functions.f]\nurl = false"))).url is None


def test_a_command_is_words_or_a_line(tmp_path: Path) -> None:
    """A line is split as a shell would."""
    for command in ("\"node 'a b.js'\"", '["node", "a b.js"]'):
        function = only(read(toml(tmp_path, f"[functions.f]\ncommand = {command}")))
        assert (function.runtime, function.command) == ("command", ("node", "a b.js"))


VERSIONS = """
[functions.f]
timeout = 5
environment = { STAGE = "dev", SIZE = "1" }
event_invoke = { maximum_retry_attempts = 0 }

[functions.f.versions.1]
path = "old"
environment = { STAGE = "live" }

[functions.f.versions.2]
timeout = 9
provisioned_concurrency = 3

[functions.f.aliases.live]
version = 1
additional_weights = { 2 = 0.25 }
url = { invoke_mode = "RESPONSE_STREAM" }

[functions.f.aliases.next]
version = "2"
provisioned_concurrency = 1
event_invoke = { maximum_event_age = 60 }
url = true
"""


def test_versions_begin_as_their_function(tmp_path: Path) -> None:
    """Each says what is otherwise; URLs and asynchronous invocation belong to whom they are given."""
    write(tmp_path / "old" / "app.py")
    latest, one, two = read(toml(tmp_path, VERSIONS)).functions
    assert [function.version for function in (latest, one, two)] == ["$LATEST", "1", "2"]
    assert (one.task_root, one.timeout_ms, one.environment) == (
        str(tmp_path / "old"),
        5000,
        {"STAGE": "live", "SIZE": "1"},
    )
    assert (two.task_root, two.timeout_ms, two.provisioned_concurrency) == (str(tmp_path), 9000, 3)
    assert (latest.url, one.url, two.url) == (UrlConfig(), None, None)
    assert latest.event_invoke == EventInvokeConfig(maximum_retry_attempts=0)
    assert (one.event_invoke, two.event_invoke) == (None, None)


def test_aliases_name_versions(tmp_path: Path) -> None:
    """With what is their own."""
    write(tmp_path / "old" / "app.py")
    assert read(toml(tmp_path, VERSIONS)).aliases == (
        Alias(
            function_name="f",
            name="live",
            version="1",
            additional_weights={"2": 0.25},
            url=UrlConfig(invoke_mode="RESPONSE_STREAM"),
        ),
        Alias(
            function_name="f",
            name="next",
            version="2",
            provisioned_concurrency=1,
            url=UrlConfig(),
            event_invoke=EventInvokeConfig(maximum_event_age_ms=60_000),
        ),
    )


def test_flags_win(tmp_path: Path) -> None:
    """Over every version."""
    write(tmp_path / "old" / "app.py")
    functions = read(toml(tmp_path, VERSIONS), Settings(timeout_ms=1000, environment={"STAGE": "flag"})).functions
    assert {function.timeout_ms for function in functions} == {1000}
    assert [function.environment["STAGE"] for function in functions] == ["flag"] * 3


def test_what_is_said_of_the_server(tmp_path: Path) -> None:
    """By the names of the flags; folders are taken from the file's."""
    text = '[server]\nport = 0\nregion = "eu-central-1"\ndata_dir = "data"\nqueue = "nats://a"\n[functions.f]\n'
    assert read(toml(tmp_path, text)).server == {
        "port": 0,
        "region": "eu-central-1",
        "data_dir": str(tmp_path / "data"),
        "queue": QueueAddress(("nats://a",)),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[server]\nqueue = "redis://a"\n[functions.f]',
            "line 2, server.queue: queue 'redis://a': the scheme 'redis' is none of nats, tls; "
            "write nats://HOST:PORT[,HOST:PORT][/STREAM][?replicas=N&ack_wait=SECONDS]",
        ),
        ("[functions.f]\n\ntimout = 3", "line 3, functions.f.timout: there is no such key; did you mean timeout?"),
        ("[functions.f]\ntimeout = '3'", "line 2, functions.f.timeout: expected a number, got text"),
        ("[functions.f]\ntimeout = nan", "line 2, functions.f.timeout: expected a number of seconds"),
        (
            '[functions.f]\nenv_file = "\\u0000"',
            "line 2, functions.f.env_file: the path '\\x00' contains a NUL character",
        ),
        ("[functions.f]\ntimeout = 1e308", "line 2, functions.f.timeout: expected a number of seconds"),
        ("[functions.f]\ncommand = ['']", "line 2, functions.f.command: it is empty: name a program to start"),
        (
            '[server]\ndata_dir = "\\u0000"\n[functions.f]',
            "line 2, server.data_dir: the path '\\x00' contains a NUL character",
        ),
        ("[functions.'']", "line 1, functions.: function name '': use 1 to 64 letters, digits, '-' and '_'"),
        (
            "[functions.f.event_invoke]\non_failure = 'file:'",
            "line 2, functions.f.event_invoke.on_failure: destination '': it names no file",
        ),
        (
            "[functions.f]\ntimeout = 0.0001",
            "line 2, functions.f.timeout: timeout 0 ms: it must be between 1 and 900000 ms",
        ),
        ("functions.f.memory = 1", "line 1, functions.f.memory: memory 1 MB: it must be between 128 and 10240 MB"),
        (
            "[functions.f]\nenvironment = { A1 = 'x', B1 = 1 }",
            "line 2, functions.f.environment.B1: expected text, got a whole number",
        ),
        (
            "[functions.f.environment]\nA1 = 'x'\nAWS_REGION = 'x'",
            "line 3, functions.f.environment.AWS_REGION: environment variable AWS_REGION: "
            "Lambda sets this one itself, it cannot be changed",
        ),
        (
            "[functions.f]\nurl = { cors = { max_age = 90000 } }",
            "line 2, functions.f.url.cors.max_age: max age 90000 s: it must be between 0 and 86400 s",
        ),
        (
            "[functions.f.url]\n[functions.f.url.cors]\nallow_orgins = []",
            "line 3, functions.f.url.cors.allow_orgins: there is no such key; did you mean allow_origins?",
        ),
        (
            "[functions.f]\nevent_invoke.on_success = 'arn:x'",
            "line 2, functions.f.event_invoke.on_success: The destination ARN arn:x is invalid.",
        ),
        ("[functions.f]\nlayers = ['nope']", "line 2, functions.f.layers[0]: there is no nope"),
        ("[functions.f]\nurl = 'yes'", "line 2, functions.f.url: expected true or false or a table, got text"),
        ("[functions.f]\npath = 'nope'", "line 2, functions.f.path: there is no folder nope"),
        (
            "[functions.f]\nenv_file = 'nope'",
            "line 2, functions.f.env_file: nope cannot be read: No such file or directory",
        ),
        ("[functions.f]\ncommand = ' '", "line 2, functions.f.command: it is empty: name a program to start"),
        ('[functions.f]\ncommand = "\'"', "line 2, functions.f.command: No closing quotation"),
        (
            "[functions.f]\ncommand = 'x'\nruntime = 'python'",
            "line 3, functions.f.runtime: a command is a runtime of its own: leave runtime out",
        ),
        (
            "[functions.f]\nisolation = 'docker'",
            "line 2, functions.f.isolation: Invalid enum value 'docker'; use one of bubblewrap, process",
        ),
        (
            "[functions.f]\nprovisioned_concurrency = 1",
            "line 2, functions.f.provisioned_concurrency: function f: "
            "provisioned concurrency goes with a version or an alias, not with $LATEST",
        ),
        (
            "[functions.f]\nconcurrency = 1\n[functions.f.versions.1]\nprovisioned_concurrency = 2",
            "line 2, functions.f.concurrency: ReservedConcurrentExecutions 1 should not be lower than "
            "function's total provisioned concurrency [2].",
        ),
        (
            "[functions.f.versions.one]",
            "line 1, functions.f.versions.one.version: version 'one': use $LATEST, or a number from 1 on",
        ),
        (
            "[functions.f.versions.'$LATEST']",
            "line 1, functions.f.versions.$LATEST: the function's own table says what $LATEST is",
        ),
        ("[functions.f.aliases.live]", "line 1, functions.f.aliases.live: Object missing required field `version`"),
        (
            "[functions.f.aliases.live]\nversion = 1",
            "line 2, functions.f.aliases.live.version: alias live: function f has no version 1 (there: $LATEST)",
        ),
        (
            "[functions.f.versions.1]\n[functions.f.aliases.7]\nversion = 1",
            "line 2, functions.f.aliases.7: alias '7': use 1 to 128 letters, digits, '-' and '_', and not digits alone",
        ),
        (
            "[functions.f.versions.1]\n[functions.f.aliases.a]\nversion = 1\nadditional_weights = { 1 = 0.5 }",
            "line 4, functions.f.aliases.a.additional_weights: alias a: "
            "version 1 has the rest of the calls, leave its weight out",
        ),
        (
            "[functions.'a b']",
            "line 1, functions.a b: function name 'a b': use 1 to 64 letters, digits, '-' and '_'",
        ),
        ("[functions]\nf = 3", "line 2, functions.f: expected a table, got a whole number"),
        ("[server]\nport = 70000\n[functions.f]", "line 2, server.port: expected a whole number of at most 65535"),
        ("[server]\ntime_scale = 0\n[functions.f]", "line 2, server.time_scale: expected a number above 0"),
        (
            "[functions.f]\nruntime = 'nodejs20.x'",
            "line 2, functions.f.runtime: there is no runtime 'nodejs20.x'; use one of python (the key python names the interpreter) "
            "and provided, or start any other program with the key command",
        ),
        (
            "[functions.f]\npython = 'python3.99'",
            "line 2, functions.f.python: there is no interpreter python3.99 on the PATH",
        ),
        (
            "[functions.f.event_invoke]\non_failure = 'failed.jsonl'",
            "line 2, functions.f.event_invoke.on_failure: destination 'failed.jsonl': did you mean file:failed.jsonl? Else use "
            "the name of a function, file:PATH, a URL, or the ARN of a function, queue, topic, bus or bucket",
        ),
        ("[sever]", "line 1, sever: there is no such key; did you mean server?"),
        ("[server]\nport = 1", "it declares no function"),
    ],
)
def test_what_is_wrong_is_said_where(tmp_path: Path, text: str, message: str) -> None:
    """The file, the line, the key, and what may be there."""
    said = refusal(toml(tmp_path, text))
    assert said in (f"pilotlight.toml, {message}", f"pilotlight.toml: {message}")


def test_what_is_not_toml(tmp_path: Path) -> None:
    """At the parser's own place, where it has one."""
    said = refusal(toml(tmp_path, "[functions.f]\na = \n"))
    assert said == "pilotlight.toml, line 2, column 5: it is not correct TOML: Invalid value"
    (tmp_path / "pilotlight.toml").write_bytes(b"a = '\xff'")
    assert refusal(tmp_path / "pilotlight.toml").startswith("pilotlight.toml: it is not correct TOML: ")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Some editors write one."""
    assert read(toml(tmp_path, "\ufeff[functions.f]")).names == ["f"]


def test_no_handler_is_found(tmp_path: Path) -> None:
    """The folder that was looked into is named."""
    file = write(tmp_path / "pilotlight.toml", "[functions.f]\n")
    assert "line 1, functions.f: no handler was found in" in refusal(file)


@pytest.mark.parametrize("text", [f"a = {'[' * 5000}{']' * 5000}", f"a = {'{b=' * 3000}1{'}' * 3000}"])
def test_what_nests_too_deep(tmp_path: Path, text: str) -> None:
    """Is refused like anything else that is wrong."""
    assert refusal(toml(tmp_path, text)) == "pilotlight.toml goes too deep: it nests hundreds of tables or lists"


def test_more_is_reserved_than_there_is(tmp_path: Path) -> None:
    """It is said at the function that reserves most, with each one's share."""
    found = read(toml(tmp_path, "[functions.f]\nconcurrency = 40\n[functions.g]\n[functions.h]\nconcurrency = 500\n"))
    found.check_concurrency(541)
    with pytest.raises(InvalidFunction) as refused:
        found.check_concurrency(540)
    where = f"{tmp_path}/pilotlight.toml, line 5, functions.h.concurrency: "
    assert str(refused.value).startswith(f"{where}540 invocations at once are reserved or provisioned (f 40, h 500), ")


def test_a_number_nobody_can_mean(tmp_path: Path) -> None:
    """Python reads no more than a few thousand digits."""
    assert "pilotlight.toml: it is not correct TOML: " in refusal(toml(tmp_path, f"a = {'9' * 5000}"))
