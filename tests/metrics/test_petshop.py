"""PetShop: what of the recording is exact, what is made up, and that it can be loaded."""

import math
import statistics
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Client
from metrics.replay import loading, petshop
from metrics.replay.petshop import SEARCH, SERVICES, SITE, Interval, Service
from metrics.replay.registry import DATASETS


@pytest.mark.parametrize(("service", "requests"), [(SITE, 461_485), (SEARCH, 761_962)])
def test_every_recorded_interval_is_there(service: Service, requests: int) -> None:
    found = petshop.intervals(service)
    assert len(found) == 689
    assert sum(one.requests for one in found) == requests
    assert Counter(one.issue == petshop.NORMAL for one in found) == {True: 589, False: 100}
    # The recorded availability is always a whole number of failures.
    assert all(0 <= one.failed < one.requests for one in found)


def test_the_incidents_name_their_cause() -> None:
    found = petshop.incidents()
    assert len(found) == 20
    assert {one.service for one in found} == {SITE.recorded}
    assert {one.cause for one in found} == {SEARCH.recorded}
    assert Counter(one.metric for one in found) == {"latency": 10, "availability": 10}


@pytest.mark.parametrize("service", SERVICES)
def test_median_ninetieth_percentile_and_mean_are_the_recorded_ones(service: Service) -> None:
    for one in petshop.intervals(service)[::13]:
        values = petshop.latencies(one)
        assert len(values) == one.requests
        assert statistics.fmean(values) == pytest.approx(one.mean)
        assert statistics.median(values) == pytest.approx(one.p50, rel=0.02)
        assert values[int(0.9 * one.requests) - 1] == pytest.approx(one.p90, rel=0.05)
        assert max(values) > one.p90
        assert values == sorted(values)


def test_requests_are_spread_over_their_interval() -> None:
    one = Interval("s", "i", petshop.intervals()[0].start, 10, 2, 100.0, 50.0, 200.0)
    made = list(petshop.rows([one]))
    assert [at - one.start for at, _ in made] == [timedelta(seconds=30 * n) for n in range(10)]
    assert [n for n, (_, row) in enumerate(made) if not row["success"]] == [2, 7]
    latencies = sorted(row["metric_value"] for _, row in made)
    assert latencies == pytest.approx(petshop.latencies(one))
    assert all(row["metadata"]["reconstructed"] for _, row in made)


def test_a_mean_that_is_too_small_makes_no_excess() -> None:
    one = Interval("s", "i", petshop.intervals()[0].start, 100, 0, 1.0, 50.0, 200.0)
    assert max(petshop.latencies(one)) == 200.0


def test_the_replay_offers_it() -> None:
    assert DATASETS["petshop"].load is petshop.load
    made = list(petshop.rows(petshop.intervals()[:20]))
    # Rows that are alike are one object: the whole trace fits into memory.
    assert len({id(row) for _, row in made}) < len(made) / 5


@pytest.mark.django_db
def test_a_span_of_it_is_loaded_into_the_database(acme: Client) -> None:
    start = timezone.now().replace(microsecond=0) - timedelta(hours=1)
    placed = petshop.lined_up(petshop.intervals()[:4], start)
    stored = loading.load(petshop.rows(placed), acme.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE NOT success), avg(metric_value), "
            "min(timestamp) FROM ai_performance_metrics "
            "WHERE metric_name = 'petsite_response_time'"
        )
        total, failed, mean, first = cursor.fetchone()
    assert total == stored == sum(one.requests for one in placed)
    assert failed == sum(one.failed for one in placed)
    weighted = math.fsum(one.mean * one.requests for one in placed) / total
    assert mean == pytest.approx(weighted)
    assert first == start


def test_the_portal_takes_its_rows(acme: Client, api_key: str) -> None:
    start = timezone.now() - timedelta(hours=1)
    placed = petshop.lined_up(petshop.intervals()[:1], start)
    sent = [
        {**row, "client": "acme", "timestamp": at.isoformat()} for at, row in petshop.rows(placed)
    ]
    answer = Browser().post(
        "/api/v1/metrics/",
        sent,
        content_type="application/json",
        headers={"Authorization": f"Bearer {api_key}"},
    )
    assert answer.status_code == 201, answer.content[:500]
