"""The numbers in the text forms Prometheus reads.

Names are Lambda's own in the form that is usual there: AsyncEventsReceived is `lambda_async_events_received_total`. What Lambda has no
metric for begins with `pilotlight_`. Durations are in seconds. Labels are only what is declared, never what a caller sends.
Source: the Developer Guide's page monitoring-metrics-types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from runtime_api.dispatch.events.counts import EventCounts
from runtime_api.frontend.management.numbers import Numbers
from runtime_api.frontend.url.url_tally import UrlTally
from runtime_api.protocol.asynchronous.event import EventState
from runtime_api.protocol.metrics import Histogram, Tally

_Source = TypeVar("_Source")
_Values = TypeVar("_Values", bound=tuple[str, ...])
# A name, what it says, and where it comes from.
_Rows = tuple[tuple[str, str, Callable[[_Source], int]], ...]

_VERSION = ("function", "version")
_COUNTERS: _Rows[Tally] = (
    ("lambda_invocations", "Invocations: how often the function was run", lambda tally: tally.invocations),
    ("lambda_errors", "Errors: invocations that ended in a function error", lambda tally: tally.errors),
    ("lambda_throttles", "Throttles: invocations that were refused, and not run", lambda tally: tally.throttles),
    (
        "lambda_provisioned_concurrency_invocations",
        "ProvisionedConcurrencyInvocations: invocations on provisioned sandboxes",
        lambda tally: tally.provisioned_invocations,
    ),
    (
        "lambda_provisioned_concurrency_spillover_invocations",
        "ProvisionedConcurrencySpilloverInvocations: invocations on demand while all that is provisioned was in use",
        lambda tally: tally.spillover_invocations,
    ),
    (
        "lambda_recursive_invocations_dropped",
        "RecursiveInvocationsDropped: invocations that were refused as a loop",
        lambda tally: tally.recursive_invocations_dropped,
    ),
    ("pilotlight_cold_starts", "Sandboxes that were initialised on demand", lambda tally: tally.cold_starts),
)
_EVENT_COUNTERS: _Rows[EventCounts] = (
    (
        "lambda_async_events_received",
        "AsyncEventsReceived: events accepted",
        lambda counts: counts.async_events_received,
    ),
    ("lambda_async_events_dropped", "AsyncEventsDropped: events given up", lambda counts: counts.async_events_dropped),
    (
        "lambda_dead_letter_errors",
        "DeadLetterErrors: dead-letter messages that could not be sent",
        lambda counts: counts.dead_letter_errors,
    ),
    (
        "lambda_destination_delivery_failures",
        "DestinationDeliveryFailures: destination records that could not be sent",
        lambda counts: counts.destination_delivery_failures,
    ),
)
_URL_COUNTERS: _Rows[UrlTally] = (
    ("lambda_url_request_count", "UrlRequestCount: requests to the function's URL", lambda tally: tally.requests),
    (
        "lambda_url_4xx_count",
        "Url4xxCount: requests answered with a status of 400 to 499",
        lambda tally: tally.answers_4xx,
    ),
    (
        "lambda_url_5xx_count",
        "Url5xxCount: requests answered with a status of 500 to 599",
        lambda tally: tally.answers_5xx,
    ),
)


def write(numbers: Numbers, accept: str) -> tuple[bytes, str]:
    """The body and its Content-Type, in the form the header Accept asks for."""
    encode, content_type = choose_encoder(accept)
    return encode(_Families(numbers)), content_type


class _Families(Collector):
    """The numbers, once."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        numbers = self._numbers
        events = {(name,): counts for name, counts in numbers.events.items()}
        urls = {(name, alias or ""): tally for (name, alias), tally in numbers.urls.items()}
        yield from _counters(_COUNTERS, _VERSION, numbers.tallies)
        yield from _of_versions(numbers)
        yield from _of_provisioned(numbers)
        yield from _counters(_EVENT_COUNTERS, ("function",), events)
        ages = {labels: counts.async_event_age for labels, counts in events.items()}
        yield _histogram(
            "lambda_async_event_age", "AsyncEventAge: age of events when an attempt begins", ("function",), ages
        )
        if numbers.queued is not None:
            yield _queue(numbers, numbers.queued)
        yield from _counters(_URL_COUNTERS, ("function", "alias"), urls)
        latencies = {labels: tally.latency for labels, tally in urls.items()}
        yield _histogram(
            "lambda_url_request_latency",
            "UrlRequestLatency: from a request to its answer, of a stream to its end",
            ("function", "alias"),
            latencies,
        )


def _of_versions(numbers: Numbers) -> Iterator[Metric]:
    tallies = numbers.tallies
    durations = {version: tally.duration for version, tally in tallies.items()}
    yield _histogram("lambda_duration", "Duration: how long invocations took", _VERSION, durations)
    inits = {version: tally.init_duration for version, tally in tallies.items()}
    yield _histogram("pilotlight_init_duration", "How long sandboxes took to initialise", _VERSION, inits)
    running = {version: tally.running for version, tally in tallies.items()}
    yield _gauge("lambda_concurrent_executions", "ConcurrentExecutions: invocations that run now", _VERSION, running)
    yield GaugeMetricFamily(
        "lambda_unreserved_concurrent_executions",
        "UnreservedConcurrentExecutions: those that run now of functions without reserved concurrency",
        value=numbers.unreserved_running,
    )
    sandboxes = {
        (*version, state): count for version, states in numbers.sandboxes.items() for state, count in states.items()
    }
    yield _gauge("pilotlight_sandboxes", "Sandboxes there are now, by state", (*_VERSION, "state"), sandboxes)


def _of_provisioned(numbers: Numbers) -> Iterator[Metric]:
    """Only of versions something is provisioned for."""
    running = {version: numbers.tallies[version].provisioned_running for version in numbers.provisioned}
    yield _gauge(
        "lambda_provisioned_concurrent_executions",
        "ProvisionedConcurrentExecutions: invocations that run on provisioned sandboxes now",
        _VERSION,
        running,
    )
    yield _gauge(
        "lambda_provisioned_concurrency_utilization",
        "ProvisionedConcurrencyUtilization: how much of what is provisioned is in use, 0 to 1",
        _VERSION,
        {version: running[version] / count for version, count in numbers.provisioned.items()},
    )


def _queue(numbers: Numbers, queued: Mapping[tuple[str, EventState], int]) -> Metric:
    depths = {(name, state.value): 0 for name in numbers.events for state in EventState}
    depths |= {(name, state.value): count for (name, state), count in queued.items()}
    return _gauge("pilotlight_events", "Asynchronous events kept now, by state", ("function", "state"), depths)


def _counters(rows: _Rows[_Source], labels: tuple[str, ...], sources: Mapping[_Values, _Source]) -> Iterator[Metric]:
    for name, says, read in rows:
        family = CounterMetricFamily(name, says, labels=labels)
        for values, source in sources.items():
            family.add_metric(values, read(source))
        yield family


def _gauge(name: str, says: str, labels: tuple[str, ...], values: Mapping[_Values, float]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def _histogram(name: str, says: str, labels: tuple[str, ...], sources: Mapping[_Values, Histogram]) -> Metric:
    family = HistogramMetricFamily(f"{name}_seconds", says, labels=labels)
    for values, histogram in sources.items():
        bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
        family.add_metric(values, list(zip(bounds, histogram.cumulative, strict=True)), histogram.sum)
    return family
