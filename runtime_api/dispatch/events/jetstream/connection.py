"""The stream as NATS has it: every call to nats-py is made here, and what it raises becomes StoreFailed here.

Source: the pages about JetStream of the NATS documentation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.dispatch.events.jetstream.messages import STATES, subject
from runtime_api.dispatch.events.store import StoreFailed, StoreUnusable
from runtime_api.protocol.asynchronous.queue_address import QueueAddress

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext
    from nats.js.api import StreamInfo

CONNECT_S, ANSWER_S, FLUSH_S = 5, 5.0, 2
# The largest event, the largest answer of a function, and what is said about them.
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
# Within it, the same event or the same step twice is one message.
DUPLICATES_S = 120
_ACK, _NAK, _AT_WORK = b"+ACK", b"-NAK", b"+WPI"
_logger = logging.getLogger("pilotlight")


class Message(NamedTuple):
    """A message that was delivered; with `status` it is a word of NATS about a request, by the request's inbox in `subject`."""

    subject: str
    body: bytes
    status: str | None
    reply: str
    sequence: int


class Stored(NamedTuple):
    """A message as it lies in the stream."""

    subject: str
    body: bytes
    sequence: int


class Connection:
    """A connection to the stream of `address`, with the stream made where there is none. Its methods raise StoreFailed."""

    def __init__(self, client: Client, jetstream: JetStreamContext, address: QueueAddress) -> None:
        self._client = client
        self._jetstream = jetstream
        self._address = address
        self._stream = address.stream

    async def publish(self, subject: str, body: bytes, message_id: str) -> None:
        """Return once NATS has it; a message with an id it had lately is the same message."""
        with self._said_plainly():
            await self._jetstream.publish(
                subject, body, ANSWER_S, stream=self._stream, headers={"Nats-Msg-Id": message_id}
            )

    async def acknowledge(self, reply: str) -> None:
        """A message is done with: return once NATS has forgotten it."""
        with self._said_plainly():
            await self._client.request(reply, _ACK, ANSWER_S)

    async def still_at_work(self, reply: str) -> None:
        """Keep a message from being delivered again for another while."""
        with self._said_plainly():
            await self._client.publish(reply, _AT_WORK)

    async def give_back(self, reply: str, delay_ms: float = 0) -> None:
        """Have a message delivered again, to whoever asks then."""
        delay = b' {"delay": %d}' % (delay_ms * 1e6) if delay_ms > 0 else b""
        with self._said_plainly():
            await self._client.publish(reply, _NAK + delay)

    async def listen(self, callback: Callable[[Message], Awaitable[None]]) -> str:
        """Have `callback` called with what arrives in an inbox; gives the inbox, to be used with a last word appended."""

        async def on_message(message: Msg) -> None:
            status = (message.headers or {}).get("Status")
            sequence = 0 if status else message.metadata.sequence.stream
            await callback(Message(message.subject, message.data, status, message.reply, sequence))

        inbox = self._client.new_inbox()
        with self._said_plainly():
            await self._client.subscribe(f"{inbox}.*", cb=on_message)
        return inbox

    async def make_consumer(self, name: str, subject: str, ack_wait_ms: float) -> None:
        """A consumer all servers share; harmless when it is there."""
        from nats.js.api import ConsumerConfig

        # What waits for its retry is not acknowledged either, and must not keep others from being delivered.
        config = ConsumerConfig(
            durable_name=name, filter_subject=subject, ack_wait=ack_wait_ms / 1000, max_ack_pending=-1
        )
        with self._said_plainly():
            await self._jetstream.add_consumer(self._stream, config)

    async def ask(self, consumer: str, inbox: str, count: int, expires_ms: int) -> None:
        """Have so many messages sent to the inbox, as they come."""
        request = json.dumps({"batch": count, "expires": expires_ms * 1_000_000}).encode()
        with self._said_plainly():
            await self._client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{consumer}", request, inbox)

    async def counts(self) -> dict[str, int]:
        """How many messages each subject has."""
        with self._said_plainly():
            info = await self._jetstream.stream_info(self._stream, subjects_filter=">")
        return info.state.subjects or {}

    async def keep_latest(self, subject: str, count: int) -> None:
        """Forget all messages of a subject but the latest."""
        with self._said_plainly():
            await self._jetstream.purge_stream(self._stream, subject=subject, keep=count)

    async def stored(self, subject: str) -> AsyncIterator[Stored]:
        """The messages of a subject, the oldest first."""
        following: Stored | None = await self._get(1, subject)
        while following is not None:
            yield following
            following = await self._get(following.sequence + 1, subject)

    async def get(self, sequence: int) -> Stored | None:
        """One message, if it is there."""
        return await self._get(sequence, None)

    async def delete(self, sequence: int) -> None:
        """Forget a message that is there."""
        with self._said_plainly():
            await self._jetstream.delete_msg(self._stream, sequence)

    async def close(self) -> None:
        """Send what is to be sent, and hang up."""
        if self._client.is_connected:
            with contextlib.suppress(StoreFailed), self._said_plainly():
                await self._client.flush(FLUSH_S)
        await self._client.close()

    async def _get(self, sequence: int, subject: str | None) -> Stored | None:
        from nats.js.errors import NotFoundError

        with self._said_plainly():
            try:
                found = await self._jetstream.get_msg(self._stream, sequence, subject=subject, next=subject is not None)
            except NotFoundError:
                return None
        return Stored(found.subject or "", found.data or b"", found.seq or 0)

    @contextlib.contextmanager
    def _said_plainly(self) -> Iterator[None]:
        from nats.errors import Error

        if not self._client.is_connected:
            raise StoreFailed(f"{self._address} cannot be reached")
        try:
            yield
        except (Error, OSError, asyncio.TimeoutError) as error:
            raise StoreFailed(f"{self._address}: {_reason(error)}") from None


async def connect(address: QueueAddress, reconnected: Callable[[], None] = lambda: None) -> Connection:
    """Raises StoreUnusable, saying what to do. Later the connection comes back by itself, and `reconnected` is called."""
    try:
        from nats.aio.client import Client
        from nats.errors import Error
    except ModuleNotFoundError:
        raise StoreUnusable("a queue on NATS needs nats-py: pip install 'pilotlight[nats]'") from None
    client, errors = Client(), _Errors()

    async def on_reconnected() -> None:
        _logger.warning("the connection to %s is back", address)
        reconnected()

    try:
        await asyncio.wait_for(
            client.connect(
                list(address.servers),
                error_cb=errors.note,
                reconnected_cb=on_reconnected,
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                connect_timeout=CONNECT_S,
                name="pilotlight",
            ),
            CONNECT_S,
        )
        return await _with_stream(client, address)
    except StoreUnusable:
        await client.close()
        raise
    except (Error, OSError, asyncio.TimeoutError) as error:
        await client.close()
        raise StoreUnusable(
            f"{address} cannot be used: {_reason(errors.last or error)}. "
            "Is there a nats-server with JetStream (nats-server -js), and does it take these credentials?"
        ) from None
    except BaseException:
        await client.close()
        raise


class _Errors:
    """What a client complains of, said once each time it is something else."""

    def __init__(self) -> None:
        self.last: Exception | None = None

    async def note(self, error: Exception) -> None:
        if repr(error) != repr(self.last):
            _logger.debug("NATS: %s", _reason(error))
        self.last = error


async def _with_stream(client: Client, address: QueueAddress) -> Connection:
    if client.max_payload < MAX_PAYLOAD_BYTES:
        raise StoreUnusable(
            f"{address} takes messages of {client.max_payload} bytes at most, and an event with its answer may have more: "
            "put max_payload: 8MB into the configuration of nats-server"
        )
    jetstream = client.jetstream(timeout=ANSWER_S)
    info = await _stream_info(jetstream, address)
    if info.config.subjects != _subjects(address) or info.config.retention != "workqueue":
        raise StoreUnusable(
            f"{address} is a stream of something else: name another one in the address (nats://HOST:PORT/NAME)"
        )
    return Connection(client, jetstream, address)


async def _stream_info(jetstream: JetStreamContext, address: QueueAddress) -> StreamInfo:
    from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
    from nats.js.errors import NotFoundError

    try:
        return await jetstream.stream_info(address.stream)
    except NotFoundError:
        # A stream that is full must refuse events, not forget them.
        return await jetstream.add_stream(
            StreamConfig(
                name=address.stream,
                subjects=_subjects(address),
                retention=RetentionPolicy.WORK_QUEUE,
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                duplicate_window=DUPLICATES_S,
                num_replicas=address.replicas,
            )
        )


def _subjects(address: QueueAddress) -> list[str]:
    return [subject(address.stream, state) for state in STATES]


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    if hasattr(error, "description"):
        # What JetStream refuses has one, and else no more than its name.
        return error.description or type(error).__name__
    return getattr(error, "strerror", None) or str(error) or repr(error)
