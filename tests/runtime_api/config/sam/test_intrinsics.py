from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.config.sam.intrinsics import Intrinsics
from runtime_api.config.sam.template import load_template
from runtime_api.protocol.function.function import InvalidFunction
from runtime_api.protocol.function.function_name import Account
from tests.runtime_api.config.files import write

TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev}
  Size: {Type: Number, Default: 5}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  Secret: {Type: String}
  Image: {Type: "AWS::SSM::Parameter::Value<String>", Default: /images/id}
Mappings:
  ByStage: {dev: {Memory: 128}, live: {Memory: 512}}
Conditions:
  IsLive: !Equals [!Ref Stage, live]
  IsDev: !Not [!Condition IsLive]
  IsBoth: !And [!Condition IsLive, !Condition IsDev]
  IsEither: !Or [!Condition IsLive, !Condition IsDev]
  Circle: !Condition Circle
Resources:
  Table: {Type: "AWS::DynamoDB::Table", Properties: {TableName: !Sub "orders-${Stage}"}}
  Queue: {Type: "AWS::SQS::Queue"}
  Topic: {Type: "AWS::SNS::Topic", Properties: {TopicName: news}}
  Bucket: {Type: "AWS::S3::Bucket"}
  Bus: {Type: "AWS::Events::EventBus", Properties: {Name: main}}
  Fn: {Type: "AWS::Serverless::Function", Properties: {FunctionName: orders}}
  Api: {Type: "AWS::Serverless::Api"}
  Self: {Type: "AWS::SQS::Queue", Properties: {QueueName: !Ref Self}}
V: VALUE
"""


def resolve(folder: Path, value: str, **parameters: str) -> object:
    """What a value of the template above comes to."""
    document = load_template(write(folder / "template.yaml", TEMPLATE.replace("VALUE", value)))
    intrinsics = Intrinsics(document, parameters, Account("123456789012", "eu-west-1"))
    return intrinsics.resolve(document.data["V"], ("V",))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref Size", 5),
        ("!Ref Names", ["a", "b"]),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Ref AWS::AccountId", "123456789012"),
        ("!Ref Table", "orders-dev"),
        ("!Ref Queue", "https://sqs.eu-west-1.amazonaws.com/123456789012/Queue"),
        ("!Ref Topic", "arn:aws:sns:eu-west-1:123456789012:news"),
        ("!Ref Fn", "orders"),
        ("!Ref Api", "Api"),
        ("!Ref ServerlessRestApi", "ServerlessRestApi"),
        ("!GetAtt FnRole.Arn", "arn:aws:iam::123456789012:role/FnRole"),
        ("!GetAtt Queue.Arn", "arn:aws:sqs:eu-west-1:123456789012:Queue"),
        ("!GetAtt Queue.QueueUrl", "https://sqs.eu-west-1.amazonaws.com/123456789012/Queue"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::Bucket"),
        ("!GetAtt Bus.Arn", "arn:aws:events:eu-west-1:123456789012:event-bus/main"),
        ("!GetAtt Fn.Arn", "arn:aws:lambda:eu-west-1:123456789012:function:orders"),
        ("!GetAtt Table.Arn", "arn:aws:dynamodb:eu-west-1:123456789012:table/orders-dev"),
        ("!Sub '${Stage}-${Table}-${Queue.Arn}-${!Literal}'",
         "dev-orders-dev-arn:aws:sqs:eu-west-1:123456789012:Queue-${Literal}"),
        ("!Sub ['${Own}/${Stage}', {Own: !Ref Size}]", "5/dev"),
        ("!Join ['-', [a, !Ref Size, true]]", "a-5-true"),
        ("!Join ['', !Ref Names]", "ab"),
        ("!Split [',', 'a,b']", ["a", "b"]),
        ("!Select [1, !Split [',', 'a,b']]", "b"),
        ("!Select ['0', !Ref Names]", "a"),
        ("!FindInMap [ByStage, !Ref Stage, Memory]", 128),
        ("!If [IsLive, 1, 2]", 2),
        ("!If [IsDev, {A: !Ref Stage}, 2]", {"A": "dev"}),
        ("!If [IsBoth, 1, 2]", 2),
        ("!If [IsEither, 1, 2]", 1),
        ("{A: !Ref AWS::NoValue, B: [1, !Ref AWS::NoValue]}", {"B": [1]}),
        ("!Ref AWS::NoValue", None),
        ("!Base64 abc", "YWJj"),
        ("{Condition: {StringEquals: {a: b}}, Ref: x}", {"Condition": {"StringEquals": {"a": "b"}}, "Ref": "x"}),
    ],
)  # fmt: skip
def test_what_a_value_comes_to(tmp_path: Path, value: str, expected: object) -> None:
    """In the account served, with the parameters' defaults."""
    assert resolve(tmp_path, value) == expected


def test_parameters_that_are_given(tmp_path: Path) -> None:
    """Win over their defaults, in conditions as well."""
    assert resolve(tmp_path, "!If [IsLive, !FindInMap [ByStage, !Ref Stage, Memory], 0]", Stage="live") == 512
    assert resolve(tmp_path, "!Ref Secret", Secret="x") == "x"
    assert resolve(tmp_path, "!Ref Names", Names="c") == ["c"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("!Ref Secret", "V.Ref: the parameter Secret has no value here: give it with --parameter Secret=VALUE"),
        ("!Ref Image", "V.Ref: the parameter Image has no value here: give it with --parameter Image=VALUE"),
        ("!Ref Tabel", "V.Ref: the template has no parameter and no resource Tabel; did you mean Table?"),
        (
            "!GetAtt Api.RootResourceId",
            "V.Fn::GetAtt: Api.RootResourceId is known only once it is deployed: write a value or a parameter instead",
        ),
        (
            "!ImportValue other",
            "V: Fn::ImportValue cannot be worked out here: write a value or a parameter instead",
        ),
        (
            "{Variables: {A1: !ImportValue other}}",
            "V.Variables.A1: Fn::ImportValue cannot be worked out here: write a value or a parameter instead, "
            "or give the variable with --env NAME=VALUE",
        ),
        ("!Sub '${Nope}'", "V.Fn::Sub: the template has no parameter and no resource Nope"),
        ("!Join ['-']", "V.Fn::Join: Fn::Join takes a list of 2"),
        ("!Join ['-', a]", "V.Fn::Join: Fn::Join takes a separator and a list"),
        ("!Select [2, [a]]", "V.Fn::Select: Fn::Select: there is no entry 2 in the list"),
        ("!FindInMap [ByStage, test, Memory]", "V.Fn::FindInMap: Fn::FindInMap: Mappings has no ByStage.test.Memory"),
        ("!If [Nope, 1, 2]", "V.Fn::If: the template has no condition Nope"),
        ("!If [Circle, 1, 2]", "Conditions.Circle.Condition: the condition Circle leads back to itself"),
        ("!Ref Self", "Resources.Self.Properties.QueueName.Ref: the name of Self leads back to itself"),
        ("!Join ['-', [{A: 1}]]", "V.Fn::Join: a text is needed here"),
    ],
)
def test_what_cannot_be_known(tmp_path: Path, value: str, message: str) -> None:
    """With the file, the line, the key, and the way out."""
    with pytest.raises(InvalidFunction) as refused:
        resolve(tmp_path, value)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path / 'template.yaml'}, line ")
    assert message in said


def test_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    """It would otherwise change nothing, and nobody would know."""
    with pytest.raises(InvalidFunction, match="has no such parameter; did you mean Stage"):
        resolve(tmp_path, "1", Stagee="live")


def test_names_that_double_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty of them would take years."""
    monkeypatch.setattr("runtime_api.config.sam.intrinsics._STEPS_LIMIT", 1_000)
    queues = "".join(
        f"  Q{n}: {{Type: 'AWS::SQS::Queue', Properties: {{QueueName: !Sub '${{Q{n - 1}.QueueName}}${{Q{n - 1}.QueueName}}'}}}}\n"
        for n in range(1, 40)
    )
    text = f"Resources:\n  Q0: {{Type: 'AWS::SQS::Queue'}}\n{queues}"
    intrinsics = Intrinsics(load_template(write(tmp_path / "t.yaml", text)), {}, Account())
    with pytest.raises(
        InvalidFunction, match=r"QueueName: names and conditions that are made of others come to too many"
    ):
        intrinsics.name_of("Q39", ("Resources",))
