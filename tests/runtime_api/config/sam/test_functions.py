from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runtime_api.config.settings import Settings
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.url_config import Cors, UrlConfig
from tests.runtime_api.config.files import only, read, refusal, write

RUNNING = f"python{sys.version_info.major}.{sys.version_info.minor}"


def template(folder: Path, text: str) -> Path:
    """A SAM template beside a handler."""
    write(folder / "app.py")
    return write(folder / "template.yaml", text.replace("PYTHON", RUNNING))


def function(folder: Path, properties: str, rest: str = "") -> Path:
    """A template with one function F, of which these are the properties, and this the rest of the template."""
    return template(
        folder, f"Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n{properties}\n{rest}"
    )


EVERYTHING = """
      FunctionName: orders
      CodeUri: src/
      Handler: main.handler
      Runtime: PYTHON
      Architectures: [arm64]
      Timeout: 10
      MemorySize: "256"
      EphemeralStorage: {Size: 1024}
      Environment: {Variables: {STAGE: dev, SIZE: 5, LIVE: true, NONE: !Ref AWS::NoValue}}
      Layers: [!Ref Layer]
      FunctionUrlConfig: {AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM, Cors: {AllowOrigins: ["*"], MaxAge: 60}}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        MaximumEventAgeInSeconds: 60
        DestinationConfig:
          OnSuccess: {Type: SNS, Destination: !Ref Topic}
          OnFailure: {Type: SQS, Destination: !GetAtt Queue.Arn}
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Queue.Arn}
      ReservedConcurrentExecutions: 7
      LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: DEBUG, SystemLogLevel: WARN}
      RecursiveLoop: Allow
      Tracing: Active
      Policies: [AmazonDynamoDBReadOnlyAccess]
      Events: {Api: {Type: HttpApi}}
  Layer: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: layer}}
  Queue: {Type: "AWS::SQS::Queue"}
  Topic: {Type: "AWS::SNS::Topic"}
"""


def test_everything_a_function_may_say(tmp_path: Path) -> None:
    """Folders are beside the template, queues and topics in the account served, and the rest is passed over without a word."""
    write(tmp_path / "src" / "main.py")
    (tmp_path / "layer").mkdir()
    found = read(function(tmp_path, EVERYTHING))
    assert found.warnings == ()
    assert only(found) == Function(
        name="orders",
        task_root=str(tmp_path / "src"),
        handler="main.handler",
        timeout_ms=10_000,
        memory_mb=256,
        tmp_mb=1024,
        environment={"STAGE": "dev", "SIZE": "5", "LIVE": "true"},
        layers=(str(tmp_path / "layer"),),
        concurrency=7,
        log_format="json",
        application_log_level="DEBUG",
        system_log_level="WARN",
        recursive_loop="Allow",
        dead_letter_target="arn:aws:sqs:us-east-1:123456789012:Queue",
        url=UrlConfig(
            auth_type="AWS_IAM", invoke_mode="RESPONSE_STREAM", cors=Cors(allow_origins=("*",), max_age_s=60)
        ),
        event_invoke=EventInvokeConfig(
            maximum_retry_attempts=1,
            maximum_event_age_ms=60_000,
            on_success="arn:aws:sns:us-east-1:123456789012:Topic",
            on_failure="arn:aws:sqs:us-east-1:123456789012:Queue",
        ),
    )


def test_a_function_may_say_little(tmp_path: Path) -> None:
    """It is called by its logical id, found beside the template, and has no URL unless it says so."""
    made = only(read(function(tmp_path, "      Runtime: PYTHON")))
    assert made == Function(name="F", task_root=str(tmp_path), handler="app.handler")


def test_globals_are_for_every_function(tmp_path: Path) -> None:
    """Tables are merged and lists put together; of anything else a function's own counts."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    common = """
Globals:
  Function:
    Timeout: 5
    MemorySize: 512
    Layers: [!Ref A]
    Environment: {Variables: {ONE: common, TWO: common}}
"""
    layers = "".join(
        f"  {name.upper()}: {{Type: 'AWS::Serverless::LayerVersion', Properties: {{ContentUri: {name}}}}}\n"
        for name in "ab"
    )
    own = "      Timeout: 9\n      Layers: [!Ref B]\n      Environment: {Variables: {TWO: own}}\n"
    made = only(read(function(tmp_path, own + layers, common)))
    assert (made.timeout_ms, made.memory_mb, made.environment) == (9000, 512, {"ONE": "common", "TWO": "own"})
    assert made.layers == (str(tmp_path / "a"), str(tmp_path / "b"))


@pytest.mark.parametrize(("wanted", "layers"), [("yes", ("layer",)), ("no", ())])
def test_a_condition_may_leave_the_layers_out(tmp_path: Path, wanted: str, layers: tuple[str, ...]) -> None:
    """AWS::NoValue in their place is as if they were not there."""
    (tmp_path / "layer").mkdir()
    chosen = f"Conditions: {{Wanted: !Equals ['{wanted}', 'yes']}}\n"
    layer = "  Layer: {Type: 'AWS::Serverless::LayerVersion', Properties: {ContentUri: layer}}\n"
    own = "      Layers: !If [Wanted, [!Ref Layer], !Ref AWS::NoValue]\n"
    made = only(read(function(tmp_path, own, layer + chosen)))
    assert made.layers == tuple(str(tmp_path / name) for name in layers)


def test_what_is_wrong_in_globals_is_said_there(tmp_path: Path) -> None:
    """Where the key stands, unless the function has it, too."""
    common = "Globals: {Function: {MemorySize: 1, Environment: {Variables: {AWS_REGION: x}}}}"
    said = refusal(function(tmp_path, "      Timeout: 3", common))
    assert said == (
        "template.yaml, line 6, Globals.Function.MemorySize: memory 1 MB: it must be between 128 and 10240 MB"
    )
    said = refusal(function(tmp_path, "      MemorySize: 128\n      Environment: {Variables: {A1: x}}", common))
    assert said.startswith("template.yaml, line 7, Globals.Function.Environment.Variables.AWS_REGION: ")
    said = refusal(function(tmp_path, "      MemorySize: 2", common))
    assert said.startswith("template.yaml, line 5, Resources.F.Properties.MemorySize: ")


def test_an_alias_that_is_published(tmp_path: Path) -> None:
    """Is of version 1; the URL, asynchronous invocation and provisioned concurrency are the alias's, as SAM deploys them."""
    found = read(
        function(
            tmp_path,
            """
      AutoPublishAlias: live
      FunctionUrlConfig: {AuthType: NONE}
      EventInvokeConfig: {MaximumRetryAttempts: 0}
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}
""",
        )
    )
    latest, one = found.functions
    assert [(made.version, made.url, made.event_invoke) for made in (latest, one)] == [
        ("$LATEST", None, None),
        ("1", None, None),
    ]
    assert found.aliases == (
        Alias(
            function_name="F",
            name="live",
            version="1",
            provisioned_concurrency=2,
            url=UrlConfig(),
            event_invoke=EventInvokeConfig(maximum_retry_attempts=0),
        ),
    )


def test_snap_start_is_for_published_versions(tmp_path: Path) -> None:
    """$LATEST starts as ever."""
    found = read(function(tmp_path, "      AutoPublishAlias: live\n      SnapStart: {ApplyOn: PublishedVersions}"))
    assert [made.init_type for made in found.functions] == ["on-demand", "snap-start"]


@pytest.mark.parametrize(
    ("properties", "member", "value"),
    [
        ("TenancyConfig: {TenantIsolationMode: PER_TENANT}", "tenant_isolation", True),
        ("CapacityProviderConfig: {Arn: x, PerExecutionEnvironmentMaxConcurrency: 8}", "max_concurrency", 8),
        (
            "CapacityProviderConfig: "
            "{LambdaManagedInstancesCapacityProviderConfig: {PerExecutionEnvironmentMaxConcurrency: 9}}",
            "max_concurrency",
            9,
        ),
        ("CapacityProviderConfig: {Arn: x}", "max_concurrency", 16),
        ("Runtime: provided.al2023", "runtime", "provided"),
        ("Runtime: PYTHON", "python", None),
        ("LoggingConfig: {LogFormat: Text}", "log_format", "text"),
    ],
)
def test_less_usual_properties(tmp_path: Path, properties: str, member: str, value: object) -> None:
    """Each has its member."""
    assert getattr(only(read(function(tmp_path, f"      {properties}"))), member) == value


def test_another_python_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the PATH, where it must run; else the one that runs this is taken, with a warning."""
    program = write(tmp_path / "bin" / "python3.77", f"#!/bin/sh\necho {tmp_path}/real\n")
    program.chmod(0o755)
    write(tmp_path / "bin" / "python3.78", "#!/bin/sh\nexit 127\n").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    assert only(read(function(tmp_path, "      Runtime: python3.77"))).python == f"{tmp_path}/real"
    for name in ("python3.78", "python3.9"):
        found = read(function(tmp_path, f"      Runtime: {name}"))
        assert only(found).python is None
        assert found.warnings == (
            f"{tmp_path / 'template.yaml'}: {name} is asked for, and none that can be used is on the PATH: {RUNNING} runs it. "
            f"Install {name}, or name an interpreter with --python",
        )
    flagged = read(function(tmp_path, "      Runtime: python3.78"), Settings(python="/usr/bin/python3"))
    assert (only(flagged).python, flagged.warnings) == ("/usr/bin/python3", ())


def test_a_runtime_of_ones_own(tmp_path: Path) -> None:
    """Is named in the resource's Metadata, where AWS passes it over."""
    text = "      Runtime: nodejs22.x\n      Handler: app.handler\n    Metadata: {Pilotlight: {Command: 'node run.js'}}"
    made = only(read(function(tmp_path, text)))
    assert (made.runtime, made.command, made.handler) == ("command", ("node", "run.js"), "app.handler")
    flagged = read(function(tmp_path, "      Runtime: nodejs22.x"), Settings(command=("node", "x.js")))
    assert only(flagged).command == ("node", "x.js")


def test_other_functions_need_not_run_here(tmp_path: Path) -> None:
    """One that is chosen by name is served, whatever the others are."""
    other = "      Runtime: PYTHON\n  G: {Type: 'AWS::Serverless::Function', Properties: {Runtime: java21}}"
    file = function(tmp_path, other)
    assert read(file, Settings(name="F")).names == ["F"]
    assert "G runs on java21" in refusal(file)


def test_a_condition_that_does_not_hold(tmp_path: Path) -> None:
    """Leaves the function out; a parameter brings it in."""
    text = """
    Condition: IsLive
  G: {Type: AWS::Serverless::Function, Properties: {Timeout: 4}}
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {IsLive: !Equals [!Ref Stage, live]}
"""
    file = function(tmp_path, f"      Timeout: 3{text}")
    assert read(file).names == ["G"]
    assert read(file, Stage="live").names == ["F", "G"]


def test_flags_win_and_spare_what_cannot_be_known(tmp_path: Path) -> None:
    """A variable and the layers that are given need not be worked out."""
    text = """
      Timeout: 9
      Environment: {Variables: {API: !ImportValue api, STAGE: dev}}
      Layers: ["arn:aws:lambda:us-east-1:1:layer:x:1"]
"""
    flags = Settings(environment={"API": "http://localhost"}, layers=("/layer",), timeout_ms=1)
    made = only(read(function(tmp_path, text), flags))
    assert (made.timeout_ms, made.environment) == (1, {"API": "http://localhost", "STAGE": "dev"})
    assert made.layers == ("/layer",)


def test_a_misspelt_property_is_a_warning(tmp_path: Path) -> None:
    """Templates hold much that is not ours, but what looks like ours is pointed out."""
    found = read(function(tmp_path, "      Timeot: 3\n      Tags: {a: b}"))
    where = f"{tmp_path / 'template.yaml'}, line 5, Resources.F.Properties.Timeot"
    assert found.warnings == (f"{where}: there is no such property; did you mean Timeout?",)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("Timeout: soon", "line 5, Resources.F.Properties.Timeout: expected a whole number, got text"),
        (
            "Timeout: 901",
            "line 5, Resources.F.Properties.Timeout: timeout 901000 ms: it must be between 1 and 900000 ms",
        ),
        (
            "EphemeralStorage: {Size: 1}",
            "line 5, Resources.F.Properties.EphemeralStorage.Size: "
            "size of /tmp 1 MB: it must be between 512 and 10240 MB",
        ),
        (
            "Environment: {Variables: {AWS_REGION: x}}",
            "line 5, Resources.F.Properties.Environment.Variables.AWS_REGION: "
            "environment variable AWS_REGION: Lambda sets this one itself, it cannot be changed",
        ),
        ("Environment: {Variables: {A1: {B: 1}}}", "line 5, Resources.F.Properties.Environment.Variables.A1: a variable is a text"),
        ("Environment: {Variables: [A1]}", "line 5, Resources.F.Properties.Environment.Variables: expected a table"),
        ("Environment: 3", "line 5, Resources.F.Properties.Environment: expected a table"),
        ("Layers: 3", "line 5, Resources.F.Properties.Layers: expected a list"),
        (
            "CodeUri: s3://bucket/key",
            "line 5, Resources.F.Properties.CodeUri: code in S3 is not fetched: name a folder beside the template",
        ),
        (
            "CodeUri: {Bucket: b, Key: k}",
            "line 5, Resources.F.Properties.CodeUri: code in S3 is not fetched: name a folder beside the template",
        ),
        ("CodeUri: app.py", "line 5, Resources.F.Properties.CodeUri: app.py is a file: unpack it and name the folder"),
        ("CodeUri: nope", "line 5, Resources.F.Properties.CodeUri: there is no folder nope"),
        ("InlineCode: x", "line 4, Resources.F.Properties: only code in a folder is served: name it with CodeUri"),
        (
            "Layers: ['arn:x']",
            "line 5, Resources.F.Properties.Layers[0]: the layer arn:x is not in this template: "
            "name zips and folders with --layer",
        ),
        (
            "ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}",
            "line 5, Resources.F.Properties.ProvisionedConcurrencyConfig: it goes with an alias: "
            "name one with AutoPublishAlias",
        ),
        ("FunctionUrlConfig: {}", "line 5, Resources.F.Properties.FunctionUrlConfig: Object missing required field `AuthType`"),
        (
            "FunctionUrlConfig: {AuthType: ALL}",
            "line 5, Resources.F.Properties.FunctionUrlConfig.AuthType: Invalid enum value 'ALL'; use one of AWS_IAM, NONE",
        ),
        (
            "FunctionUrlConfig: {AuthType: NONE, Cors: {MaxAge: 90000}}",
            "line 5, Resources.F.Properties.FunctionUrlConfig.Cors.MaxAge: max age 90000 s: it must be between 0 and 86400 s",
        ),
        (
            "EventInvokeConfig: {MaximumRetryAttempts: 3}",
            "line 5, Resources.F.Properties.EventInvokeConfig.MaximumRetryAttempts: "
            "maximum retry attempts 3: it must be between 0 and 2",
        ),
        (
            "EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}}}",
            "line 5, Resources.F.Properties.EventInvokeConfig.DestinationConfig.OnFailure: "
            "Object missing required field `Destination`",
        ),
        (
            "Handler: !ImportValue x",
            "line 5, Resources.F.Properties.Handler: Fn::ImportValue cannot be worked out here: "
            "write a value or a parameter instead",
        ),
        (
            "Timeout: 3\n    Metadata: {Pilotlight: {Command: \"'\"}}",
            "line 6, Resources.F.Metadata.Pilotlight.Command: No closing quotation",
        ),
        ("FunctionName: a b", "line 5, Resources.F.Properties.FunctionName: function name 'a b': use 1 to 64 letters, digits, '-' and '_'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where(tmp_path: Path, properties: str, message: str) -> None:
    """The file, the line, the key, and what may be there."""
    assert refusal(function(tmp_path, f"      {properties}")) == f"template.yaml, {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Description: nothing", "template.yaml: it is not a template: there is no section Resources"),
        ("Resources: []", "template.yaml, line 1, Resources: expected a table"),
        ("Resources: {}", "template.yaml: it declares no function"),
        ("Resources:", "template.yaml: it declares no function"),
        ("Resources:\n  F:", "template.yaml, line 2, Resources.F: expected a table"),
        ("Resources: {F: {}}\nParameters: {P: 3}", "template.yaml, line 2, Parameters.P: expected a table"),
        ("Resources: {Q: {Type: 'AWS::SQS::Queue'}}", "template.yaml: it declares no function"),
        (
            "Resources:\n  F: {Type: 'AWS::Serverless::Function', Properties: []}",
            "template.yaml, line 2, Resources.F.Properties: expected a table",
        ),
        (
            "Resources:\n  F: {Type: 'AWS::Serverless::Function'}\n"
            "  G: {Type: 'AWS::Serverless::Function', Properties: {FunctionName: F}}",
            "template.yaml, line 3, Resources.G.Properties.FunctionName: F is called F, too: rename one",
        ),
    ],
)
def test_what_is_wrong_with_a_template(tmp_path: Path, text: str, message: str) -> None:
    """Before any function is read."""
    assert refusal(template(tmp_path, text)) == message
