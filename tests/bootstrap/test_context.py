"""The second argument of a handler."""

import json

import pytest

from .fake_runtime_api import FUNCTION_ARN, REQUEST_ID, FakeRuntimeAPI, event_headers, http_reply
from .function import Function

ENVIRON = {
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/demo",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0",
    "AWS_LAMBDA_FUNCTION_NAME": "demo",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
}
CLIENT_CONTEXT = {
    "client": {"installation_id": "i", "app_title": "ä"},
    "custom": {"k": [1]},
    "env": {"e": "f"},
    "w3c": {"traceparent": "00-1", "tracestate": 5, "baggage": "b", "other": "x"},
}


def test_fields_come_from_environment_and_headers(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Names and types as documented; the memory size is text."""
    any_python.environ |= ENVIRON
    any_python.handler("""
        return [context.log_group_name, context.log_stream_name, context.function_name, context.memory_limit_in_mb,
                context.function_version, context.aws_request_id, context.invoked_function_arn, context.tenant_id]
        """)
    api.event(Lambda_Runtime_Aws_Tenant_Id="blue")
    assert any_python.run().post.json() == [*ENVIRON.values(), REQUEST_ID, FUNCTION_ARN, "blue"]


def test_only_the_request_id_is_needed(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Everything else may be absent."""
    any_python.handler("return [repr(context), context.get_remaining_time_in_millis(), context.w3c()]")
    api.reply(http_reply(200, {"Lambda-Runtime-Aws-Request-Id": "1"}, b"{}"))
    expected = (
        "LambdaContext([aws_request_id=1,log_group_name=None,log_stream_name=None,function_name=None,"
        "memory_limit_in_mb=None,function_version=None,invoked_function_arn=,client_context=None,"
        "identity=CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None]),tenant_id=None])"
    )
    assert any_python.run().post.json() == [expected, 0, {}]


def test_empty_headers_are_absent_headers(function: Function, api: FakeRuntimeAPI) -> None:
    """Some servers send every header, empty when there is nothing to say."""
    function.handler("""
        import os
        return [event, context.client_context, context.tenant_id, context.identity.cognito_identity_id,
                "_X_AMZN_TRACE_ID" in os.environ]
        """)
    names = ("Client-Context", "Cognito-Identity", "Trace-Id", "Aws-Tenant-Id", "Invocation-Id")
    headers = event_headers() | {f"Lambda-Runtime-{name}": "" for name in names} | {"Content-Type": ""}
    api.reply(http_reply(200, headers, b"1"))
    post = function.run().post
    assert post.json() == [1, None, None, None, False]
    assert "lambda-runtime-invocation-id" not in post.headers


def test_client_context_and_identity_are_decoded(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Objects with attributes; what was not sent is None; the trace context is kept apart."""
    any_python.handler("""
        client, identity = context.client_context, context.identity
        return [client.custom, client.env, client.client.app_title, client.client.app_version_code,
                identity.cognito_identity_id, identity.cognito_identity_pool_id, context.w3c(), repr(client)]
        """)
    api.event(
        Lambda_Runtime_Client_Context=json.dumps(CLIENT_CONTEXT, ensure_ascii=False),
        Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}',
    )
    shown = (
        "ClientContext([custom={'k': [1]},env={'e': 'f'},client=Client([installation_id=i,app_title=ä,"
        "app_version_name=None,app_version_code=None,app_package_name=None])])"
    )
    w3c = {"traceparent": "00-1", "baggage": "b"}
    assert any_python.run().post.json() == [{"k": [1]}, {"e": "f"}, "ä", None, "id", "pool", w3c, shown]


@pytest.mark.parametrize("header", ["Lambda_Runtime_Client_Context", "Lambda_Runtime_Cognito_Identity"])
@pytest.mark.parametrize("value", ["{bad", "[]", "1", '"text"', "[" * 100_000, "NaN"])
def test_what_is_no_object_fails_that_invocation_only(
    function: Function, api: FakeRuntimeAPI, header: str, value: str
) -> None:
    """The error has a type of its own and the loop goes on."""
    function.handler("return 1")
    api.event(b"{}", REQUEST_ID, **{header: value})
    api.event()
    error, served = function.run().posts
    what = header.removeprefix("Lambda_Runtime_").replace("_", " ")
    assert error.json()["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert error.json()["errorMessage"].startswith(f"Unable to parse {what} JSON: ")
    assert served.body == b"1"


@pytest.mark.parametrize(("value", "kind"), [("null", "NoneType"), ("{}", "ClientContext")])
def test_an_empty_client_context_is_no_error(function: Function, api: FakeRuntimeAPI, value: str, kind: str) -> None:
    """null reads like nothing, an empty object like one whose parts are None."""
    function.handler("return [type(context.client_context).__name__, getattr(context.client_context, 'env', None)]")
    api.event(Lambda_Runtime_Client_Context=value)
    assert function.run().post.json() == [kind, None]


def test_a_client_that_is_no_object_fails_the_invocation(function: Function, api: FakeRuntimeAPI) -> None:
    """Within the client context as well."""
    function.handler("return 1")
    api.event(Lambda_Runtime_Client_Context='{"client": 5}')
    assert function.run().post.json()["errorType"] == "Runtime.LambdaContextUnmarshalError"


def test_the_remaining_time_shrinks_towards_the_deadline(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Header minus now, in whole milliseconds."""
    any_python.handler("""
        import time
        now = int(time.time() * 1000)
        context._epoch_deadline_time_in_ms = now + 3000
        first = context.get_remaining_time_in_millis()
        while int(time.time() * 1000) < now + 5:
            pass
        return [first, context.get_remaining_time_in_millis()]
        """)
    api.event()
    first, second = any_python.run().post.json()
    assert 2900 < first <= 3000
    assert second < first


@pytest.mark.parametrize("deadline", ["0", "-5", "soon", "1e3", "99", "9" * 5000])
def test_a_useless_deadline_leaves_no_time_and_no_crash(function: Function, api: FakeRuntimeAPI, deadline: str) -> None:
    """Never negative."""
    function.handler("return context.get_remaining_time_in_millis()")
    api.event(Lambda_Runtime_Deadline_Ms=deadline)
    assert function.run().post.body == b"0"


def test_a_deadline_ahead_is_counted_from_the_header(function: Function, api: FakeRuntimeAPI) -> None:
    """The far future of the fake's events."""
    function.handler("return context.get_remaining_time_in_millis()")
    api.event()
    assert function.run().post.json() > 10**12


def test_the_trace_id_lives_as_long_as_its_invocation(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Set from the header, gone when the next event has none."""
    any_python.handler("import os; return os.environ.get('_X_AMZN_TRACE_ID')")
    any_python.environ["_X_AMZN_TRACE_ID"] = "stale"
    api.event(Lambda_Runtime_Trace_Id="Root=1-a;Sampled=1")
    api.event()
    assert [post.json() for post in any_python.run().posts] == ["Root=1-a;Sampled=1", None]


def test_the_environment_is_read_for_each_invocation(function: Function, api: FakeRuntimeAPI) -> None:
    """A function may change it."""
    function.handler("""
        import os
        os.environ["AWS_LAMBDA_FUNCTION_NAME"] = "renamed"
        return context.function_name
        """)
    api.event()
    api.event()
    assert [post.json() for post in function.run().posts] == [None, "renamed"]


def test_attributes_can_be_written_and_added(function: Function, api: FakeRuntimeAPI) -> None:
    """Middleware does both."""
    function.handler("context.tenant_id = 'mine'; context.extra = 1; return [context.tenant_id, context.extra]")
    api.event()
    assert function.run().post.json() == ["mine", 1]


def test_copies_can_be_made(any_python: Function, api: FakeRuntimeAPI) -> None:
    """By copy, deepcopy and pickle; they hold what there is to read."""
    any_python.handler("""
        import copy, pickle
        context.extra = [1]
        copies = copy.copy(context), copy.deepcopy(context), pickle.loads(pickle.dumps(context))
        same = [repr(each) == repr(context) for each in copies]
        return [same, [each.extra for each in copies], [each.get_remaining_time_in_millis() > 0 for each in copies]]
        """)
    api.event(Lambda_Runtime_Client_Context=json.dumps(CLIENT_CONTEXT))
    assert any_python.run().post.json() == [[True] * 3, [[1]] * 3, [True] * 3]


def test_log_writes_as_is_and_at_once(function: Function, api: FakeRuntimeAPI) -> None:
    """No line end is added, anything with a text will do."""
    function.handler("import os; context.log('a\\n'); context.log(5); os._exit(0)")
    api.event()
    assert function.run().stdout == "a\n5"


def test_the_arn_follows_each_event(function: Function, api: FakeRuntimeAPI) -> None:
    """An alias now, a version then."""
    function.handler("return context.invoked_function_arn")
    api.event(Lambda_Runtime_Invoked_Function_Arn="arn:live")
    api.event(Lambda_Runtime_Invoked_Function_Arn="arn:7")
    assert [post.json() for post in function.run().posts] == ["arn:live", "arn:7"]
