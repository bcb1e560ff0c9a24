"""All numbers of a platform at one moment, from wherever they are counted."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.events.counts import EventCounts
from runtime_api.dispatch.events.queue import EventQueue
from runtime_api.dispatch.events.store import StoreFailed
from runtime_api.frontend.url.function_urls import FunctionUrls
from runtime_api.frontend.url.url_tally import UrlTally
from runtime_api.protocol.asynchronous.event import EventState
from runtime_api.protocol.metrics import Tally


class Numbers(msgspec.Struct, frozen=True):
    """`tallies`, `provisioned` and `sandboxes` are by function and version, `urls` by function and alias, `queued` is None when unknown."""

    tallies: Mapping[tuple[str, str], Tally]
    provisioned: Mapping[tuple[str, str], int]
    sandboxes: Mapping[tuple[str, str], Mapping[str, int]]
    unreserved_running: int
    events: Mapping[str, EventCounts]
    queued: Mapping[tuple[str, EventState], int] | None
    urls: Mapping[tuple[str, str | None], UrlTally]

    @classmethod
    async def gather(cls, dispatcher: Dispatcher, events: EventQueue, urls: FunctionUrls) -> Numbers:
        """Those of now."""
        queued = await _queued(events)
        tallies = dispatcher.metrics.tallies
        unreserved = {function.name for function in dispatcher.functions if function.concurrency is None}
        return cls(
            tallies=tallies,
            provisioned={version: count for version, count in dispatcher.provisioned.items() if count},
            sandboxes=dispatcher.sandboxes(),
            unreserved_running=sum(tally.running for (name, _), tally in tallies.items() if name in unreserved),
            events=events.counts,
            queued=queued,
            urls=urls.tallies,
        )


async def _queued(events: EventQueue) -> Mapping[tuple[str, EventState], int] | None:
    try:
        return await events.depths()
    except StoreFailed:
        # The other numbers are needed most when the disk fails, and the queue says that itself.
        return None
