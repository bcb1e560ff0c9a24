"""The metadata endpoint, as a function finds it: by its environment, on the port of its Runtime API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.runtime_api.conftest import Script
from tests.runtime_api.fake_runtime import FakeRuntime
from tests.runtime_api.runtime_scripts import ECHO
from tests.runtime_api.sandbox.conftest import Start

PATH = "/2026-01-15/metadata/execution-environment"

# Answers an invocation with what the endpoint says to the token of the environment.
ASKING = """
    import json
    api, other = Api(), Api()
    assert os.environ["AWS_LAMBDA_METADATA_API"] == os.environ["AWS_LAMBDA_RUNTIME_API"]
    token = os.environ["AWS_LAMBDA_METADATA_TOKEN"]
    request_id, _ = api.next()
    other.send(f"GET /2026-01-15/metadata/execution-environment HTTP/1.1\\r\\nAuthorization: Bearer {token}\\r\\n\\r\\n".encode())
    status, headers, body = other.answer()
    api.respond(request_id, json.dumps([status, headers["content-type"], headers["cache-control"], body.decode()]).encode())
    api.next()
    """


@pytest.fixture
async def client(script: Script, start: Start) -> AsyncIterator[FakeRuntime]:
    """A client of a sandbox's port, who does not know the token."""
    living = await start(script(ECHO))
    client = await FakeRuntime.connect(living.sandbox._endpoint.address)
    yield client
    await client.close()


async def test_a_function_learns_its_zone(script: Script, start: Start) -> None:
    """With the address and the token of its environment; the answer may be kept for half a day."""
    living = await start(script(ASKING))
    assert json.loads((await living.invoke()).body) == [
        200,
        "application/json",
        "private, max-age=43200, immutable",
        '{"AvailabilityZoneID":"use1-az1"}',
    ]


@pytest.mark.parametrize(
    "headers", ["", "Authorization: Bearer other\r\n", "Authorization: Bearer\r\n", "Authorization: x\r\n"]
)
async def test_nobody_else_does(client: FakeRuntime, headers: str) -> None:
    """No token, or another one, is a 401 in plain text."""
    answer = await client.request("GET", PATH, headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (401, "text/plain; charset=utf-8")


async def test_the_method_is_looked_at_before_the_token(client: FakeRuntime) -> None:
    """Anything but GET is a 405, whoever asks."""
    answer = await client.request("POST", PATH)
    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/2026-01-15/metadata/", f"{PATH}/more", "/2026-01-15/other"])
async def test_there_is_one_path(client: FakeRuntime, path: str) -> None:
    """What is beside it is not found."""
    assert (await client.request("GET", path)).status == 404
