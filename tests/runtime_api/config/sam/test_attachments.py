from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.url_config import Cors, UrlConfig
from tests.runtime_api.config.files import read, refusal, write

CLOUDFORMATION = """
Resources:
  Live:
    Type: AWS::Lambda::Alias
    Properties:
      Name: live
      FunctionName: !Ref F
      FunctionVersion: !GetAtt One.Version
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}
      RoutingConfig: {AdditionalVersionWeights: [{FunctionVersion: !GetAtt Two.Version, FunctionWeight: 0.25}]}
  F:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: orders
      Code: src
      Handler: app.handler
      Timeout: 4
      DeadLetterConfig: {TargetArn: "arn:aws:sqs:us-east-1:123456789012:dead"}
  One: {Type: "AWS::Lambda::Version", Properties: {FunctionName: !Ref F}}
  Two:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !GetAtt F.Arn, ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !GetAtt F.Arn, AuthType: NONE, Cors: {AllowOrigins: ["*"]}}
  LiveUrl:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref F, Qualifier: live, AuthType: AWS_IAM}
  OfTwo:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref F, Qualifier: !GetAtt Two.Version, MaximumRetryAttempts: 0}
  OfLive:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref F, Qualifier: live, MaximumRetryAttempts: 1}
  OfLatest:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref F, Qualifier: $LATEST, MaximumEventAgeInSeconds: 60}
"""


def template(folder: Path, text: str) -> Path:
    """A template with a function in `src`."""
    write(folder / "src" / "app.py")
    return write(folder / "template.yaml", text)


def test_plain_cloudformation(tmp_path: Path) -> None:
    """Versions, aliases, URLs and asynchronous invocation are resources of their own, in any order."""
    found = read(template(tmp_path, CLOUDFORMATION))
    latest, one, two = found.functions
    assert {made.dead_letter_target for made in found.functions} == {"arn:aws:sqs:us-east-1:123456789012:dead"}
    assert [made.version for made in (latest, one, two)] == ["$LATEST", "1", "2"]
    assert latest.url == UrlConfig(cors=Cors(allow_origins=("*",)))
    assert latest.event_invoke == EventInvokeConfig(maximum_event_age_ms=60_000)
    assert (one.event_invoke, two.event_invoke) == (None, EventInvokeConfig(maximum_retry_attempts=0))
    assert (one.provisioned_concurrency, two.provisioned_concurrency) == (0, 1)
    assert found.aliases == (
        Alias(
            function_name="orders",
            name="live",
            version="1",
            additional_weights={"2": 0.25},
            provisioned_concurrency=2,
            url=UrlConfig(auth_type="AWS_IAM"),
            event_invoke=EventInvokeConfig(maximum_retry_attempts=1),
        ),
    )


def test_what_the_cdk_writes(tmp_path: Path) -> None:
    """The code is where its metadata says, not in the bucket it would be deployed to."""
    text = """{"Resources": {"F": {"Type": "AWS::Lambda::Function",
      "Properties": {"Code": {"S3Bucket": "b", "S3Key": "k"}, "Handler": "app.handler"},
      "Metadata": {"aws:asset:path": "src"}}}}"""
    write(tmp_path / "src" / "app.py")
    [made] = read(write(tmp_path / "Stack.template.json", text)).functions
    assert made.task_root == str(tmp_path / "src")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "Qualifier: live, AuthType: AWS_IAM",
            "Qualifier: lve, AuthType: AWS_IAM",
            "line 28, Resources.LiveUrl.Properties.Qualifier: function orders has no lve for this; did you mean live?",
        ),
        (
            "Qualifier: live, AuthType: AWS_IAM",
            "Qualifier: '1', AuthType: AWS_IAM",
            "line 28, Resources.LiveUrl.Properties.Qualifier: function orders has no 1 for this; use $LATEST, live",
        ),
        (
            "FunctionWeight: 0.25",
            "FunctionWeight: 2",
            "line 10, Resources.Live.Properties.RoutingConfig: alias live: the weight 2.0 of version 2 must be between 0 and 1",
        ),
        (
            "Name: live\n      FunctionName: !Ref F\n",
            "Name: live\n      FunctionName: a b\n",
            "line 7, Resources.Live.Properties.FunctionName: a b is no name and no ARN of a function",
        ),
        (
            "FunctionVersion: !GetAtt One.Version",
            "FunctionVersion: '9'",
            "line 8, Resources.Live.Properties.FunctionVersion: alias live: "
            "function orders has no version 9 (there: $LATEST, 1, 2)",
        ),
    ],
)
def test_what_is_wrong_is_said_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The line is that of the resource the mistake is in."""
    assert refusal(template(tmp_path, CLOUDFORMATION.replace(old, new))) == f"template.yaml, {message}"
