"""The three ways to deploy, with the AWS CDK for Python: `cdk deploy` in a project whose app makes this stack."""

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


class HelloStack(Stack):
    """One function, three times."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        # pilotlight layer build --python 3.13 --output pilotlight-layer.zip
        wrapper = lambda_.LayerVersion(
            self,
            "Wrapper",
            code=lambda_.Code.from_asset("pilotlight-layer.zip"),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64],
        )
        lambda_.Function(
            self,
            "Wrapped",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset("function.zip"),
            handler="app.handler",
            layers=[wrapper],
            environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/pilotlight-wrapper"},
        )
        runtime = lambda_.LayerVersion(
            self,
            "Runtime",
            code=lambda_.Code.from_asset("pilotlight-runtime.zip"),
            compatible_runtimes=[lambda_.Runtime.PROVIDED_AL2023],
            compatible_architectures=[lambda_.Architecture.X86_64],
        )
        lambda_.Function(
            self,
            "Provided",
            runtime=lambda_.Runtime.PROVIDED_AL2023,
            architecture=lambda_.Architecture.X86_64,
            code=lambda_.Code.from_asset("function.zip"),
            handler="app.handler",
            layers=[runtime],
        )
        lambda_.DockerImageFunction(
            self,
            "Image",
            code=lambda_.DockerImageCode.from_image_asset("src"),
            architecture=lambda_.Architecture.X86_64,
        )
