"""What is written is read again by Prometheus's own parsers."""

from __future__ import annotations

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from runtime_api.dispatch.events.counts import EventCounts
from runtime_api.frontend.management.exposition import write
from runtime_api.frontend.management.numbers import Numbers
from runtime_api.frontend.url.url_tally import UrlTally
from runtime_api.protocol.asynchronous.event import EventState
from runtime_api.protocol.metrics import Serving, Tally

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
ONE = ("f", "1")


@pytest.fixture
def numbers() -> Numbers:
    """A platform with one function of one version, which has done a little."""
    tally, counts, url = Tally(), EventCounts(), UrlTally()
    tally.started(Serving.PROVISIONED)
    tally.started(Serving.PROVISIONED)
    tally.ended(Serving.PROVISIONED, 40, is_error=True)
    tally.throttles = 3
    counts.async_events_received = 4
    counts.async_event_age.observe(90)
    url.requests = 2
    url.answered(404, 0.002)
    url.answered(502, 0.004)
    return Numbers(
        tallies={ONE: tally},
        provisioned={ONE: 4},
        sandboxes={ONE: {"busy": 1, "idle": 3}},
        unreserved_running=1,
        events={"f": counts},
        queued={("f", EventState.QUEUED): 5},
        urls={("f", None): url, ("f", "live"): UrlTally()},
    )


def samples(numbers: Numbers, accept: str = "") -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, in the order of the labels' names."""
    body, _ = write(numbers, accept)
    parse = parse_openmetrics if accept == OPENMETRICS else parse_text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_each_number_has_its_place(numbers: Numbers, accept: str) -> None:
    """By Lambda's names, in seconds, in whichever form is asked for."""
    found = samples(numbers, accept)
    expected = {
        ("lambda_invocations_total", *ONE): 2,
        ("lambda_errors_total", *ONE): 1,
        ("lambda_throttles_total", *ONE): 3,
        ("lambda_provisioned_concurrency_invocations_total", *ONE): 2,
        ("lambda_provisioned_concurrency_utilization", *ONE): 0.25,
        ("lambda_concurrent_executions", *ONE): 1,
        ("lambda_unreserved_concurrent_executions",): 1,
        ("lambda_duration_seconds_bucket", "f", "0.025", "1"): 0,
        ("lambda_duration_seconds_bucket", "f", "0.05", "1"): 1,
        ("lambda_duration_seconds_count", *ONE): 1,
        ("lambda_duration_seconds_sum", *ONE): 0.04,
        ("lambda_async_events_received_total", "f"): 4,
        ("lambda_async_event_age_seconds_sum", "f"): 90,
        ("lambda_url_request_count_total", "", "f"): 2,
        ("lambda_url_4xx_count_total", "", "f"): 1,
        ("lambda_url_5xx_count_total", "", "f"): 1,
        ("lambda_url_request_count_total", "live", "f"): 0,
        ("pilotlight_events", "f", "queued"): 5,
        ("pilotlight_events", "f", "dead"): 0,
        ("pilotlight_sandboxes", "f", "idle", "1"): 3,
    }
    assert {key: found.get(key) for key in expected} == expected


def test_the_form_is_said(numbers: Numbers) -> None:
    """By the content type, as the library negotiates it."""
    assert write(numbers, "")[1].startswith("text/plain; version=0.0.4")
    assert write(numbers, OPENMETRICS)[1].startswith("application/openmetrics-text; version=1.0.0")


def test_a_queue_that_cannot_be_read_is_left_out(numbers: Numbers) -> None:
    """Nothing is said of it, rather than that it is empty."""
    found = samples(msgspec.structs.replace(numbers, queued=None))
    assert not [key for key in found if key[0] == "pilotlight_events"]
    assert ("lambda_invocations_total", *ONE) in found
