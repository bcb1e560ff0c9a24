"""What the fronts have in common: each turns a request into an event, and a result into an answer."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from runtime_api.protocol.url.answer import UrlAnswer
from runtime_api.protocol.url.request import UrlRequest


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """One front. `make_event` gives the event's JSON; `read_answer` reads a result's JSON, and raises UnusableAnswer.

    `failed` is the answer when the function failed, or returned what is none.
    """

    make_event: Callable[[UrlRequest], bytes]
    read_answer: Callable[[bytes], UrlAnswer]
    failed: UrlAnswer
