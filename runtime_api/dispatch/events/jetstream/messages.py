"""How events stand in the stream.

Strategy: an event is one message, and its state the middle of the subject, `STREAM.STATE.FUNCTION`. What is worked on at this moment
is not a state of its own here: it is a message that was delivered and is not acknowledged yet. A step is a new message and the
acknowledgement of the old one, in this order, so a crash between them repeats the step. The new message's id is made of the old one's
place in the stream: repeated within the stream's window, it is still one message.
"""

from __future__ import annotations

import msgspec

from runtime_api.protocol.asynchronous.event import EventState, FinishedEvent, QueuedEvent

# As people see them, the states a message can be in.
STATES = (EventState.QUEUED, EventState.UNDELIVERED, EventState.FAILED, EventState.DEAD)
Item = QueuedEvent | FinishedEvent

_encode = msgspec.msgpack.Encoder().encode
_decode_queued = msgspec.msgpack.Decoder(QueuedEvent).decode
_decode_finished = msgspec.msgpack.Decoder(FinishedEvent).decode


def subject(stream: str, state: EventState, function: str = "*") -> str:
    """The subject of such events, of all functions unless one is named."""
    return f"{stream}.{state.value}.{function}"


def place_of(subject: str) -> tuple[EventState, str]:
    """The state and the function a subject names."""
    _, state, function = subject.split(".")
    return EventState(state), function


def id_of_step_after(sequence: int) -> str:
    """The id of the message that takes the place of the one with this sequence."""
    return f"after-{sequence}"


def body_of(item: Item) -> bytes:
    """The bytes of a message."""
    return _encode(item)


def item_of(subject: str, body: bytes, sequence: int) -> Item:
    """What a message says. Raises ValueError, as msgspec does, when it is not one of ours."""
    if place_of(subject)[0] is EventState.QUEUED:
        return msgspec.structs.replace(_decode_queued(body), sequence=sequence)
    finished = _decode_finished(body)
    return msgspec.structs.replace(finished, event=msgspec.structs.replace(finished.event, sequence=sequence))


def event_of(item: Item) -> QueuedEvent:
    """The event itself, over or not."""
    return item.event if isinstance(item, FinishedEvent) else item
