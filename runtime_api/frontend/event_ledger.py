"""The events of a server, for whoever looks at them from outside it: the command line."""

from __future__ import annotations

from runtime_api.dispatch.events.jetstream.ledger import JetStreamLedger
from runtime_api.dispatch.events.ledger import EventDetails, EventHead, Ledger
from runtime_api.dispatch.events.store import StoreFailed

__all__ = ["EventDetails", "EventHead", "JetStreamLedger", "Ledger", "StoreFailed"]
