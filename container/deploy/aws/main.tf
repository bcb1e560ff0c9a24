# The three ways to deploy, with Terraform. Builds are reproducible: a hash changes when what is in the zip does.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "role_arn" {
  type        = string
  description = "The role of the functions"
}

variable "image_uri" {
  type        = string
  description = "The image of the third function, in ECR"
}

# 1. On AWS's Python runtime, with the wrapper layer: pilotlight layer build --python 3.13 --output pilotlight-layer.zip
resource "aws_lambda_layer_version" "wrapper" {
  layer_name               = "pilotlight"
  filename                 = "pilotlight-layer.zip"
  source_code_hash         = filebase64sha256("pilotlight-layer.zip")
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["x86_64", "arm64"]
}

resource "aws_lambda_function" "wrapped" {
  function_name    = "hello-wrapped"
  role             = var.role_arn
  filename         = "function.zip"
  source_code_hash = filebase64sha256("function.zip")
  handler          = "app.handler"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  memory_size      = 256
  timeout          = 10
  layers           = [aws_lambda_layer_version.wrapper.arn]

  environment {
    variables = {
      AWS_LAMBDA_EXEC_WRAPPER = "/opt/pilotlight-wrapper"
    }
  }
}

# 2. On the Python of a layer.
resource "aws_lambda_layer_version" "runtime" {
  layer_name               = "pilotlight-runtime"
  filename                 = "pilotlight-runtime.zip"
  source_code_hash         = filebase64sha256("pilotlight-runtime.zip")
  compatible_runtimes      = ["provided.al2023"]
  compatible_architectures = ["x86_64"]
}

resource "aws_lambda_function" "provided" {
  function_name    = "hello-provided"
  role             = var.role_arn
  filename         = "function.zip"
  source_code_hash = filebase64sha256("function.zip")
  handler          = "app.handler"
  runtime          = "provided.al2023"
  architectures    = ["x86_64"]
  memory_size      = 256
  timeout          = 10
  layers           = [aws_lambda_layer_version.runtime.arn]
}

# 3. As an image.
resource "aws_lambda_function" "image" {
  function_name = "hello-image"
  role          = var.role_arn
  package_type  = "Image"
  image_uri     = var.image_uri
  architectures = ["x86_64"]
  memory_size   = 256
  timeout       = 10

  image_config {
    command = ["app.handler"]
  }
}
