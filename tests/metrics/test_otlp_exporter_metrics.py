"""OpenTelemetry's own exporter against the real server: what is kept is what was recorded."""

import math
import os
import random
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from accounts import keys
from accounts.models import ApiKey
from metrics import rollups
from metrics.histogram import MAX_RELATIVE_ERROR, Histogram, bucket, merge
from metrics.models import HistogramPoint, MinuteRollup, PerformanceMetric
from tests.metrics.exporter import CUMULATIVE, DELTA, EXPLICIT, EXPONENTIAL, Twice, meters
from tests.metrics.recount import recount, stored
from tests.metrics.server import CHECKOUT, web_server

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

DURATION, CHOICES = "gen_ai.client.inference.duration", "gen_ai.client.generation.choices"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
SHARES = (0.5, 0.9, 0.99)


@dataclass(frozen=True)
class Place:
    """Where to export to, and as which service: each test is one of its own."""

    url: str
    key: str
    service: str

    def meters(self, *kind: Any, **options: Any) -> Any:
        return meters(self.url, self.key, *kind, service=self.service, **options)


@pytest.fixture(scope="module")
def server(kept_db: None) -> Iterator[tuple[str, str]]:
    """One server for all the tests, and a key for it."""
    key = keys.issue("exporters", [ApiKey.Scope.INGEST])[1]
    with web_server() as url:
        yield url, key


@pytest.fixture
def _django_db_helper(kept_db: None) -> None:
    """Keep the server's key."""


@pytest.fixture
def place(server: tuple[str, str]) -> Place:
    return Place(*server, service=f"exporting-{secrets.token_hex(4)}")


def merged(place: Place, name: str) -> tuple[Histogram, list[MinuteRollup]]:
    """All minutes of a metric as one, once they are rolled up."""
    rollups.roll_up_all()
    assert stored() == recount()
    found = [*MinuteRollup.objects.filter(metric_name=name, service_name=place.service)]
    parts = [
        (one.hist_scale, one.hist_zero, one.hist_idx, one.hist_cnt, one.value_min, one.value_max)
        for one in found
    ]
    return merge(parts), found


def values_of(place: Place, name: str) -> list[float]:
    rows = PerformanceMetric.objects.filter(metric_name=name, service_name=place.service)
    return [*rows.order_by("timestamp").values_list("metric_value", flat=True)]


def exact(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def export(place: Place, kind: tuple[Any, Any]) -> list[float]:
    """Three exports, each sent twice; returns the durations (ms) recorded."""
    chance, recorded = random.Random(11), []
    with place.meters(*kind, exporter=Twice) as (meter, flush):
        duration = meter.create_histogram("gen_ai.client.operation.duration", unit="s")
        tokens = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
        choices = meter.create_counter(CHOICES)
        for number in (100, 1, 400):
            for _ in range(number):
                seconds = chance.lognormvariate(-2, 1)
                recorded.append(seconds * 1000)
                duration.record(seconds, CHAT)
                tokens.record(100, {**CHAT, "gen_ai.token.type": "input"})
            choices.add(number, CHAT)
            flush()
    return recorded


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE], ids=["delta", "cumulative"])
@pytest.mark.parametrize("aggregation", [EXPLICIT, EXPONENTIAL], ids=["explicit", "exponential"])
def test_what_is_kept_is_what_was_recorded(
    place: Place, temporality: Any, aggregation: Any
) -> None:
    recorded = export(place, (temporality, aggregation))
    histogram, found = merged(place, DURATION)
    assert histogram.total == sum(one.total for one in found) == len(recorded) == 501
    assert sum(one.value_sum for one in found) == pytest.approx(math.fsum(recorded))
    assert {(one.model, one.service_name) for one in found} == {("gpt-4o", place.service)}
    # One bucket of theirs (the SDK's scale is 3 or more for such values), or one explicit one.
    theirs = 2 ** (2**-3) if aggregation is EXPONENTIAL else 2.0
    bound = (1 + MAX_RELATIVE_ERROR) * theirs
    for share in SHARES[: 2 if aggregation is EXPLICIT else 3]:
        estimate = histogram.quantile(share)
        assert estimate is not None
        assert 1 / bound <= estimate / exact(recorded, share) <= bound
    assert sum(values_of(place, CHOICES)) == 501
    assert len(values_of(place, CHOICES)) == 3


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE], ids=["delta", "cumulative"])
def test_extremes_that_are_sent_are_exact(place: Place, temporality: Any) -> None:
    with place.meters(temporality, EXPONENTIAL) as (meter, flush):
        duration = meter.create_histogram("gen_ai.client.operation.duration", unit="s")
        for seconds in (0.5, 0.125, 4.0):
            duration.record(seconds, CHAT)
        flush()
    histogram, _found = merged(place, DURATION)
    assert (histogram.smallest, histogram.largest) == (125.0, 4000.0)


def test_exponential_counts_in_the_emitters_unit_are_kept_exactly(place: Place) -> None:
    chance = random.Random(3)
    values = [chance.randrange(1, 5000) for _ in range(300)]
    with place.meters(CUMULATIVE, EXPONENTIAL) as (meter, flush):
        tokens = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
        for number, value in enumerate(values):
            tokens.record(value, {**CHAT, "gen_ai.token.type": "output"})
            if number % 100 == 99:
                flush()
    (histogram, found) = merged(place, "gen_ai.client.inference.usage.output_tokens")
    # The SDK's scale is finer than ours here? 12 doublings in 160 buckets: scale 3, so spread.
    coarse = Counter(bucket(value) >> 2 for value in values)
    kept: Counter[int] = Counter()
    for index, count in histogram.counts.items():
        kept[index >> 2] += count
    assert kept == coarse
    assert all(one.approximate for one in found)


def test_values_that_lie_close_together_are_kept_exactly(place: Place) -> None:
    values = [100 + number % 50 for number in range(300)]
    with place.meters(CUMULATIVE, EXPONENTIAL) as (meter, flush):
        tokens = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
        for value in values:
            tokens.record(value, {**CHAT, "gen_ai.token.type": "output"})
        flush()
    (histogram, found) = merged(place, "gen_ai.client.inference.usage.output_tokens")
    assert histogram.counts == Counter(map(bucket, values))
    assert not any(one.approximate for one in found)


def test_a_gauge_is_a_row_a_point(place: Place) -> None:
    with place.meters() as (meter, flush):
        gauge = meter.create_gauge("http.server.request.duration", unit="s")
        for seconds in (1.0, 2.5):
            gauge.set(seconds)
            flush()
    assert values_of(place, "http.server.request.duration") == [1000.0, 2500.0]


def start(place: Place, calls: int) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-m", "tests.metrics.exporting", place.url, place.key, place.service]
    argv.append(str(calls))
    return subprocess.Popen(argv, cwd=CHECKOUT, env=os.environ)


def test_a_process_that_restarts_counts_on(place: Place) -> None:
    """Its counters begin at 0 again: nothing is lost, and nothing is counted twice."""
    for calls in (5, 3, 9):
        assert start(place, calls).wait(60) == 0
    histogram, _found = merged(place, DURATION)
    assert histogram.total == 17
    assert histogram.largest == pytest.approx(900)
    assert sum(values_of(place, CHOICES)) == 34


def test_two_processes_under_one_name_are_both_counted(place: Place) -> None:
    """As the workers of one server are that were given no instance id."""
    running = [start(place, calls) for calls in (6, 8)]
    assert [process.wait(60) for process in running] == [0, 0]
    histogram, _found = merged(place, DURATION)
    assert histogram.total == 14
    assert sum(values_of(place, CHOICES)) == 28
    assert HistogramPoint.objects.filter(service_name=place.service).count() == 14
