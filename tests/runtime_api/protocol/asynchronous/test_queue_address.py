from __future__ import annotations

import pytest

from runtime_api.protocol.asynchronous.queue_address import InvalidQueueAddress, QueueAddress, parse_queue_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nats://localhost:4222", QueueAddress(("nats://localhost:4222",))),
        ("tls://a", QueueAddress(("tls://a",))),
        ("nats://a:1,b:2/", QueueAddress(("nats://a:1", "nats://b:2"))),
        ("nats://a:1,tls://b:2/orders", QueueAddress(("nats://a:1", "tls://b:2"), "orders")),
        ("nats://me:pw@a,b/x?replicas=3", QueueAddress(("nats://me:pw@a", "nats://me:pw@b"), "x", 3)),
        ("nats://a?ack_wait=60", QueueAddress(("nats://a",), ack_wait_s=60)),
        ("nats://[::1]:4222/x", QueueAddress(("nats://[::1]:4222",), "x")),
    ],
)
def test_addresses(text: str, expected: QueueAddress) -> None:
    """One server or several of a cluster, and what to use there."""
    assert parse_queue_address(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the scheme '' is none of nats, tls; write nats://HOST:PORT"),
        ("localhost:4222", "the scheme 'localhost' is none of"),
        ("http://a", "the scheme 'http' is none of"),
        ("nats://", "a server has no name"),
        ("nats://a,", "a server has no name"),
        ("nats://a:port", "write nats://HOST"),
        ("nats://a:99999", "a port is a number up to 65535"),
        ("nats://a/x,b/y", "the stream is named once, at the end"),
        ("nats://a/x.y", r"queue stream 'x\.y': use up to 64 letters"),
        ("nats://a/x/y", "queue stream 'x/y': use up to 64 letters"),
        ("nats://a?copies=3", "queue option 'copies': it is none of replicas, ack_wait"),
        ("nats://a?replicas=many", "queue option replicas=many: use 1 to 5"),
        ("nats://a?ack_wait=0", "queue option ack_wait=0: use 1 to 3600"),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    """Said with what is wrong, and what to write."""
    with pytest.raises(InvalidQueueAddress, match=message):
        parse_queue_address(text)


def test_a_password_is_not_shown() -> None:
    """Neither by the address as people read it, nor by an error."""
    assert str(parse_queue_address("nats://me:secret@a:1,b/orders")) == "nats://a:1,b/orders"
    with pytest.raises(InvalidQueueAddress) as caught:
        parse_queue_address("nats://me:secret@a:port")
    assert "secret" not in str(caught.value)
