"""Header, variable and path names of the protocol, each written down once.

Sources: the Lambda Developer Guide pages runtimes-api, runtimes-custom and configuration-envvars, and the Invoke operation of
the Lambda API reference.
"""

from __future__ import annotations

# Runtime API: GET next, platform to runtime
HEADER_REQUEST_ID = "Lambda-Runtime-Aws-Request-Id"
HEADER_DEADLINE_MS = "Lambda-Runtime-Deadline-Ms"
HEADER_FUNCTION_ARN = "Lambda-Runtime-Invoked-Function-Arn"
HEADER_TRACE_ID = "Lambda-Runtime-Trace-Id"
HEADER_CLIENT_CONTEXT = "Lambda-Runtime-Client-Context"
HEADER_COGNITO_IDENTITY = "Lambda-Runtime-Cognito-Identity"
HEADER_TENANT_ID = "Lambda-Runtime-Aws-Tenant-Id"
# Given with each event, and echoed with its answer: one for each attempt, where a request id may come again
HEADER_INVOCATION_ID = "Lambda-Runtime-Invocation-Id"

# Runtime API: answers, runtime to platform
HEADER_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
HEADER_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
HEADER_ERROR_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
HEADER_RESPONSE_MODE = "Lambda-Runtime-Function-Response-Mode"
RESPONSE_MODE_STREAMING = "streaming"
CONTENT_TYPE_JSON = "application/json"
CONTENT_TYPE_STREAM = "application/octet-stream"
CONTENT_TYPE_ERROR_CAUSE = "application/vnd.aws.lambda.error.cause+json"

# Extensions API
HEADER_EXTENSION_NAME = "Lambda-Extension-Name"
HEADER_EXTENSION_ID = "Lambda-Extension-Identifier"
HEADER_EXTENSION_FEATURES = "Lambda-Extension-Accept-Feature"
HEADER_EXTENSION_EVENT_ID = "Lambda-Extension-Event-Identifier"
HEADER_EXTENSION_ERROR_TYPE = "Lambda-Extension-Function-Error-Type"
FEATURE_ACCOUNT_ID = "accountId"

# Invoke API, caller to platform
HEADER_INVOCATION_TYPE = "X-Amz-Invocation-Type"
HEADER_LOG_TYPE = "X-Amz-Log-Type"
HEADER_CALLER_CLIENT_CONTEXT = "X-Amz-Client-Context"
HEADER_CALLER_TENANT_ID = "X-Amz-Tenant-Id"
HEADER_DURABLE_NAME = "X-Amz-Durable-Execution-Name"
HEADER_CALLER_TRACE_ID = "X-Amzn-Trace-Id"

# Invoke API, platform to caller
HEADER_CALLER_REQUEST_ID = "x-amzn-RequestId"
HEADER_FUNCTION_ERROR = "X-Amz-Function-Error"
HEADER_LOG_RESULT = "X-Amz-Log-Result"
HEADER_EXECUTED_VERSION = "X-Amz-Executed-Version"
HEADER_REMAPPED_LENGTH = "X-Amzn-Remapped-Content-Length"
HEADER_API_ERROR_TYPE = "x-amzn-ErrorType"

# The sandbox's environment
ENV_RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
ENV_HANDLER = "_HANDLER"
ENV_TASK_ROOT = "LAMBDA_TASK_ROOT"
ENV_INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
ENV_LOG_STREAM_NAME = "AWS_LAMBDA_LOG_STREAM_NAME"
ENV_ACCESS_KEY_ID = "AWS_ACCESS_KEY_ID"
ENV_SECRET_ACCESS_KEY = "AWS_SECRET_ACCESS_KEY"
ENV_SESSION_TOKEN = "AWS_SESSION_TOKEN"
ENV_CREDENTIALS_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
ENV_CREDENTIALS_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
ENV_METADATA_API = "AWS_LAMBDA_METADATA_API"
ENV_METADATA_TOKEN = "AWS_LAMBDA_METADATA_TOKEN"
ENV_MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"
ENV_LOG_FORMAT = "AWS_LAMBDA_LOG_FORMAT"
ENV_LOG_LEVEL = "AWS_LAMBDA_LOG_LEVEL"
# What managed runtimes write their framed log events to
ENV_LOG_FD = "_LAMBDA_TELEMETRY_LOG_FD"
ENV_LOG_GROUP_NAME = "AWS_LAMBDA_LOG_GROUP_NAME"
# Set anew for each invocation, by the runtime itself
ENV_TRACE_ID = "_X_AMZN_TRACE_ID"

VERSION_LATEST = "$LATEST"
