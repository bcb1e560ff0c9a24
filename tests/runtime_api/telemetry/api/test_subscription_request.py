from __future__ import annotations

import json

import pytest

from runtime_api.telemetry.api.schema import Schema
from runtime_api.telemetry.api.subscription_request import (
    Api,
    HttpTarget,
    InvalidSubscription,
    SubscriptionRequest,
    TcpTarget,
    parse_subscription,
)

HTTP = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/path?a=1"}
TARGET = HttpTarget(8080, "sandbox.localdomain:8080", "/path?a=1")


def body(**changes: object) -> bytes:
    """A valid request with some members changed; None leaves one out."""
    members = {"schemaVersion": "2022-12-13", "types": ["platform", "function"], "destination": HTTP, **changes}
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def refusal(data: bytes, api: Api = Api.TELEMETRY) -> str:
    """Why a request is refused."""
    with pytest.raises(InvalidSubscription) as refused:
        parse_subscription(api, data)
    return str(refused.value)


def test_the_defaults() -> None:
    """Buffering may be left out."""
    assert parse_subscription(Api.TELEMETRY, body()) == SubscriptionRequest(
        Schema.TELEMETRY_2022_12_13, ("platform", "function"), TARGET, 10_000, 262_144, 1_000
    )


def test_buffering_in_part() -> None:
    """What is not given has its default."""
    request = parse_subscription(Api.TELEMETRY, body(buffering={"maxItems": 1000, "timeoutMs": 25}))
    assert (request.max_items, request.max_bytes, request.timeout_ms) == (1000, 262_144, 25)


@pytest.mark.parametrize("version", ["2022-07-01", "2022-12-13", "2025-01-29"])
def test_every_version_of_the_telemetry_api(version: str) -> None:
    """Three of them."""
    assert parse_subscription(Api.TELEMETRY, body(schemaVersion=version)).schema.value == version


@pytest.mark.parametrize(("version", "schema"), [(None, "2020-08-15"), ("2020-08-15",) * 2, ("2021-03-18",) * 2])
def test_every_version_of_the_logs_api(version: str | None, schema: str) -> None:
    """The first is the default."""
    assert parse_subscription(Api.LOGS, body(schemaVersion=version)).schema.value == schema


def test_a_multi_concurrent_sandbox_takes_one_version() -> None:
    """The latest."""
    only = Schema.TELEMETRY_2025_01_29
    assert parse_subscription(Api.TELEMETRY, body(schemaVersion="2025-01-29"), only=only).schema is only
    with pytest.raises(InvalidSubscription, match=r"schemaVersion must be one of 2025-01-29$"):
        parse_subscription(Api.TELEMETRY, body(), only=only)


@pytest.mark.parametrize(
    ("destination", "target"),
    [
        (HTTP, TARGET),
        ({"protocol": "HTTP", "URI": "http://sandbox:1"}, HttpTarget(1, "sandbox:1", "/")),
        ({"protocol": "HTTP", "URI": "http://sandbox:1/?x=%2F"}, HttpTarget(1, "sandbox:1", "/?x=%2F")),
        ({"protocol": "TCP", "port": 65535}, TcpTarget(65535)),
    ],
)
def test_destinations(destination: dict[str, object], target: HttpTarget | TcpTarget) -> None:
    """HTTP by its address, TCP by its port."""
    assert parse_subscription(Api.TELEMETRY, body(destination=destination)).target == target


def test_the_logs_api_may_ask_for_put() -> None:
    """The Telemetry API may not."""
    data = body(schemaVersion=None, destination={**HTTP, "method": "PUT"})
    target = parse_subscription(Api.LOGS, data).target
    assert isinstance(target, HttpTarget)
    assert target.method == "PUT"
    assert "method must be POST" in refusal(body(destination={**HTTP, "method": "PUT"}))


def test_a_type_named_twice_counts_once() -> None:
    """In the order given."""
    assert parse_subscription(Api.TELEMETRY, body(types=["function", "platform", "function"])).streams == (
        "function",
        "platform",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"schemaVersion": None},
            "schema validation error: schemaVersion must be one of 2022-07-01, 2022-12-13, 2025-01-29",
        ),
        ({"schemaVersion": "2020-08-15"}, "schema validation error: schemaVersion must be one of 2022-07-01, "),
        ({"types": None}, "types should not be empty"),
        ({"types": []}, "types should not be empty"),
        ({"types": ["metrics"]}, "schema validation error: types may be platform, function, extension"),
        ({"types": "platform"}, "schema validation error: Expected `array | null`, got `str` - at `$.types`"),
        ({"destination": None}, "Invalid destination: destination is required"),
        ({"destination": {}}, "Invalid destination: protocol must be HTTP or TCP"),
        ({"destination": {"protocol": "UDP", "port": 1}}, "Invalid destination: protocol must be HTTP or TCP"),
        ({"destination": {"protocol": "TCP"}}, "Invalid destination: port is required"),
        (
            {"destination": {"protocol": "TCP", "port": 0}},
            "Invalid destination: port must be between 1 and 65535, and not 9001",
        ),
        ({"destination": {"protocol": "TCP", "port": 65536}}, "Invalid destination: port must be between"),
        ({"destination": {"protocol": "TCP", "port": 9001}}, "Invalid destination: port must be between"),
        (
            {"destination": {"protocol": "HTTP"}},
            "Invalid destination: URI must begin with http://sandbox.localdomain:PORT",
        ),
        *(
            ({"destination": {"protocol": "HTTP", "URI": uri}}, message)
            for uri, message in [
                ("http://sandbox.localdomain", "URI port is not provided"),
                ("http://sandbox.localdomain:9001", "Invalid destination: port must be between"),
                ("http://sandbox.localdomain:0", "Invalid destination: port must be between"),
                ("http://sandbox.localdomain:port", "Invalid destination: URI cannot be read"),
                ("http://example.com:8080", "Invalid destination: URI must begin with"),
                ("http://127.0.0.1:8080", "Invalid destination: URI must begin with"),
                ("https://sandbox.localdomain:8080", "Invalid destination: URI must begin with"),
                ("http://sandbox.localdomain:80/a b", "Invalid destination: URI must begin with"),
                ("http://sandbox.localdomain:80/a\r\nX: y", "Invalid destination: URI must begin with"),
                ("http://[::1", "Invalid destination: URI cannot be read"),
            ]
        ),
        *(
            (
                {"buffering": {name: value}},
                f"schema validation error: buffering.{name} must be between {low} and {high}",
            )
            for name, low, high in [
                ("maxItems", 1000, 10000),
                ("maxBytes", 262144, 1048576),
                ("timeoutMs", 25, 30000),
            ]
            for value in (low - 1, high + 1)
        ),
        ({"buffering": {"maxItems": "1000"}}, "schema validation error: Expected `int`, got `str`"),
    ],
)
def test_what_is_refused(changes: dict[str, object], message: str) -> None:
    """And why."""
    assert refusal(body(**changes)).startswith(message)


def test_all_that_is_wrong_is_told_at_once() -> None:
    """In the words of the service's own example."""
    data = body(destination={"protocol": "HTTP", "URI": "http://sandbox.localdomain/"}, types=[])
    assert refusal(data) == "URI port is not provided; types should not be empty"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"x":' + b"[" * 10_000])
def test_what_is_not_json(data: bytes) -> None:
    """Nothing else is looked at."""
    assert refusal(data).startswith("failed to parse JSON: ")
