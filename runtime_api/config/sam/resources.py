"""What a template may say of its other resources: the names and ARNs they would have in the account served.

Source: the return values on each resource's page of the CloudFormation template reference.
"""

from __future__ import annotations

from collections.abc import Container

from runtime_api.protocol.function.function_name import Account

_NAMED_BY = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::SimpleTable": "TableName",
    "AWS::Serverless::StateMachine": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Kinesis::Stream": "arn:aws:kinesis:{region}:{account}:stream/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::LayerVersion": "arn:aws:lambda:{region}:{account}:layer:{name}:1",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::LayerVersion": "arn:aws:lambda:{region}:{account}:layer:{name}:1",
    "AWS::Serverless::SimpleTable": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Serverless::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
}
_MADE_BY_SAM = {"ServerlessRestApi": "AWS::Serverless::Api", "ServerlessHttpApi": "AWS::Serverless::HttpApi"}
_REF_IS_ARN = (
    "AWS::Lambda::LayerVersion",
    "AWS::SNS::Topic",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::StateMachine",
    "AWS::StepFunctions::StateMachine",
)


def name_property(kind: str) -> str | None:
    """The property that names a resource of this type; without one, its logical id stands for the name CloudFormation would make."""
    return _NAMED_BY.get(kind)


def made_by_sam(logical_id: str, declared: Container[str]) -> str | None:
    """The type of a resource SAM adds to the template: APIs that events ask for, and the role of each function."""
    if logical_id.endswith("Role") and logical_id.removesuffix("Role") in declared:
        return "AWS::IAM::Role"
    return _MADE_BY_SAM.get(logical_id)


def ref_of(kind: str, name: str, account: Account) -> str:
    """What `Ref` gives for a resource."""
    if kind in _REF_IS_ARN:
        return _arn(kind, name, account)
    return _queue_url(name, account) if kind == "AWS::SQS::Queue" else name


def attribute_of(kind: str, name: str, attribute: str, account: Account) -> str | None:
    """What `Fn::GetAtt` gives for an attribute; None for what only a deployed resource has."""
    if kind in _ARNS and attribute in ("Arn", "TopicArn", "LayerVersionArn", "FunctionArn"):
        return _arn(kind, name, account)
    if attribute in ("QueueName", "TopicName", "Name"):
        return name
    return _queue_url(name, account) if attribute == "QueueUrl" else None


def _arn(kind: str, name: str, account: Account) -> str:
    return _ARNS[kind].format(region=account.region, account=account.account_id, name=name)


def _queue_url(name: str, account: Account) -> str:
    return f"https://sqs.{account.region}.amazonaws.com/{account.account_id}/{name}"
