from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from runtime_api.dispatch.destinations.destinations import Destinations
from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.deliverer import DeliveryFailed
from runtime_api.protocol.asynchronous.event import Delivery
from runtime_api.protocol.destinations.record import destination_record
from runtime_api.protocol.function.event_invoke import EventInvokeConfig
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account, FunctionReference
from runtime_api.protocol.function.invalid_function import InvalidFunction
from runtime_api.protocol.invoke.errors import ServiceFailure
from runtime_api.protocol.invoke.lineage import lineage_id
from tests.runtime_api.protocol.destinations.ends import TRACE, failed, succeeded

QUEUE = "arn:aws:sqs:us-east-1:123456789012:nobody"
Accepted = list[tuple[FunctionReference, bytes, str]]


class Made:
    """Destinations of a function `orders`, beside a function `bill`; `accepted` is what was to be invoked."""

    def __init__(self, on_success: str | None = None, dead_letter_target: str | None = None) -> None:
        self.accepted: Accepted = []
        orders = Function(
            name="orders",
            task_root="/",
            handler="a.b",
            event_invoke=EventInvokeConfig(on_success=on_success),
            dead_letter_target=dead_letter_target,
        )
        bill = Function(name="bill", task_root="/", handler="a.b")
        dispatcher = Dispatcher([orders, bill], Account())
        self.destinations = Destinations(dispatcher, self._accept, aws_endpoint_url="http://127.0.0.1:1")

    async def _accept(self, reference: FunctionReference, payload: bytes, trace_id: str) -> None:
        if reference.name != "bill":
            raise ServiceFailure("the disk is full")
        self.accepted.append((reference, payload, trace_id))


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Made]]:
    """Makes destinations, which are closed after the test."""
    made: list[Made] = []

    def make(on_success: str | None = None, dead_letter_target: str | None = None) -> Made:
        made.append(Made(on_success, dead_letter_target))
        return made[-1]

    yield make
    for one in made:
        await one.destinations.close()


async def test_a_file_gets_a_line(make: Callable[..., Made], tmp_path: Path) -> None:
    """It is made with the first."""
    path = tmp_path / "results.jsonl"
    destinations = make(str(path)).destinations
    await destinations.check()
    assert not path.exists()
    await destinations.deliver(succeeded(), Delivery("destination", str(path)))
    assert path.read_bytes() == destination_record(succeeded()) + b"\n"


async def test_a_function_is_invoked_with_the_record(make: Callable[..., Made]) -> None:
    """Within the same trace, in which the function that ended is counted."""
    made = make("bill")
    await made.destinations.deliver(succeeded(), Delivery("destination", "bill"))
    [(reference, payload, trace)] = made.accepted
    own = lineage_id("arn:aws:lambda:us-east-1:123456789012:function:orders")
    assert (reference.name, payload) == ("bill", destination_record(succeeded()))
    assert trace == f"{TRACE};Lineage=1:{own}:0"


async def test_functions_that_send_to_each_other_are_counted(make: Callable[..., Made]) -> None:
    """Each round counts, so that the recursion guard sees them."""
    made = make("bill")
    own = lineage_id("arn:aws:lambda:us-east-1:123456789012:function:orders")
    round_two = succeeded()
    event = msgspec.structs.replace(round_two.event, trace_id=f"{TRACE};Lineage=1:{own}:15|0badcafe:15")
    round_two = msgspec.structs.replace(round_two, event=event)
    await made.destinations.deliver(round_two, Delivery("destination", "bill"))
    assert made.accepted[0][2] == f"{TRACE};Lineage=1:{own}:16|0badcafe:15"


@pytest.mark.parametrize(
    ("kind", "address", "reason"),
    [
        ("destination", "/nowhere/at/all", "/nowhere/at/all: No such file or directory"),
        ("destination", "http://127.0.0.1:1/", "http://127.0.0.1:1/: "),
        ("destination", "full", "full: the disk is full"),
        ("destination", "arn:aws:sqs:", "arn:aws:sqs:: The destination ARN"),
        ("destination", QUEUE, "sqs nobody: "),
        ("dead-letter", QUEUE, "sqs nobody: "),
        ("dead-letter", "./file", "./file: dead letter target"),
    ],
)
async def test_what_cannot_be_delivered_says_where_and_why(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, kind: str, address: str, reason: str
) -> None:
    """Whatever is in the way, it is a failed delivery."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    delivery = msgspec.convert({"kind": kind, "address": address}, Delivery)
    with pytest.raises(DeliveryFailed) as refused:
        await make().destinations.deliver(failed(), delivery)
    assert str(refused.value).startswith(reason)


async def test_a_folder_that_is_missing_is_said_at_the_start(make: Callable[..., Made], tmp_path: Path) -> None:
    """With the function and the key."""
    path = f"{tmp_path}/missing/results.jsonl"
    with pytest.raises(ServiceFailure, match=f"function orders: on_success {path}: its folder is missing"):
        await make(path).destinations.check()


async def test_a_missing_boto3_is_said_at_the_start(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the function, the key, and what to install; the platform starts, and a delivery fails for the same reason."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    destinations = make(dead_letter_target=QUEUE).destinations
    await destinations.check()
    missing = "boto3 is missing: pip install 'pilotlight[aws]'"
    assert f"function orders: dead_letter_target {QUEUE}: {missing}; until then" in caplog.text
    with pytest.raises(DeliveryFailed, match="boto3 is missing"):
        await destinations.deliver(failed(), Delivery("dead-letter", QUEUE))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("orders:$LATEST", "You can't specify the function as a destination for itself"),
        ("nobody", "Function not found"),
        ("bill:live", "Function not found"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:bill", "not reachable in this region"),
    ],
)
def test_a_function_that_cannot_be_one_is_refused(address: str, reason: str) -> None:
    """Before anything is served; with the function and the key."""
    with pytest.raises(InvalidFunction, match=reason) as refused:
        Made(address)
    assert str(refused.value).startswith("function orders: on_success ")
    assert refused.value.member == "on_success"
