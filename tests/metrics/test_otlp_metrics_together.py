"""Points that come again, at once, with rows, or while the database is full: nothing twice."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from accounts.models import Client
from metrics import rollups, tasks
from metrics.models import (
    HistogramPoint,
    MinuteRollup,
    OtlpSeries,
    PendingMinute,
    PerformanceMetric,
)
from metrics.otlp import mapping, series
from tests.metrics.fast import Post, fast_way_in
from tests.metrics.otlp import PROTOBUF
from tests.metrics.otlp_metrics import (
    CHAT,
    CHOICES,
    CUMULATIVE,
    DURATION,
    NOON,
    counted,
    counter,
    everything,
    explicit,
    export,
    gauge,
    point,
    request,
)
from tests.metrics.recount import recount, stored
from tests.metrics.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

OURS = "gen_ai.client.inference.duration"
MINUTE = datetime.fromtimestamp(NOON / 10**9, UTC)
TABLES = (PerformanceMetric, HistogramPoint, OtlpSeries)


@pytest.fixture(autouse=True)
def fresh_mapping() -> None:
    mapping.forget()


def totals() -> list[int]:
    return [model.objects.count() for model in TABLES]


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """Histogram points find no room, until it is called."""

    def run(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    run("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'disk full' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON histogram_points EXECUTE FUNCTION refuse();
    """)
    yield lambda: run("DROP TRIGGER refuse ON histogram_points")
    run("DROP FUNCTION refuse CASCADE")


def test_what_finds_no_room_is_stored_not_at_all_and_asked_to_come_again(
    post: Post, old_key: str, full_disk: Callable[[], None]
) -> None:
    body = everything().SerializeToString()
    (answer,) = post(old_key, body, path="/v1/metrics", **{"Content-Type": PROTOBUF})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert totals() == [0, 0, 0]
    full_disk()
    export(post, old_key, everything())
    assert totals() == [3, 2, 2]
    assert PerformanceMetric.objects.filter(metric_value=9).count() == 1


def test_the_same_in_json_is_a_repeat(post: Post, old_key: str) -> None:
    export(post, old_key, everything())
    body = json_format.MessageToJson(everything()).encode()
    (answer,) = post(old_key, body, path="/v1/metrics", **{"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {})
    assert totals() == [3, 2, 2]


def test_a_batch_that_is_sent_again_changes_nothing(post: Post, old_key: str) -> None:
    export(post, old_key, everything(), everything())
    assert totals() == [3, 2, 2]
    rollups.roll_up_all()
    counts = stored()
    export(post, old_key, everything())
    assert not PendingMinute.objects.filter(metric_name=OURS).exists()
    rollups.roll_up_all()
    assert totals() == [3, 2, 2]
    assert stored() == counts == recount()


def many(end: int, names: list[int]) -> ExportMetricsServiceRequest:
    """Series that have come to ``end``, in that order."""
    made = [counted(0, end, [end, 0, 0, 0, 0], attributes={**CHAT, "n": n}) for n in names]
    rows = [point(0, end, as_int=end, attributes={"n": n}) for n in names]
    return request(
        explicit(DURATION, *made, temporality=CUMULATIVE),
        counter(CHOICES, *rows, temporality=CUMULATIVE),
        gauge("http.server.request.duration", *rows),
    )


def test_exporters_at_once_neither_wait_for_ever_nor_count_twice(old_key: str) -> None:
    """Each sends many series, in another order each time, some points sooner than others."""

    def send(seed: int) -> None:
        chance = random.Random(seed)
        with fast_way_in() as post:
            for end in chance.sample(range(10, 20), 10):
                export(post, old_key, many(end, chance.sample(range(12), 12)))

    at_once(*(lambda seed=seed: send(seed) for seed in range(4)))
    rollups.roll_up_all()
    rolled = MinuteRollup.objects.get(metric_name=OURS)
    assert rolled.total == 12 * 19
    counts = PerformanceMetric.objects.filter(metric_name=CHOICES)
    assert sum(counts.values_list("metric_value", flat=True)) == 12 * 19
    others = PerformanceMetric.objects.filter(metric_name="http.server.request.duration")
    assert others.count() == 12 * 10
    assert stored() == recount()


def test_roll_ups_of_rows_and_points_together_equal_a_recount(
    post: Post, api_key: str, make_rows: Any, platform: Client
) -> None:
    chance = random.Random(7)
    metrics = []
    for number in range(60):
        attributes = {"n": number, "gen_ai.request.model": chance.choice(["a", "b"])}
        if chance.random() < 0.3:
            attributes["error.type"] = "timeout"
        counts = [chance.randrange(5) for _ in range(5)]
        end = chance.uniform(1, 150)
        metrics.append(explicit(DURATION, counted(0, end, counts, attributes=attributes)))
        if number % 3 == 0:
            make_rows(
                platform,
                [chance.lognormvariate(5, 1), 0.0],
                metric_name=OURS,
                metric_category="ml_inference",
                service_name="assistant",
                query_complexity=None,
                ml_models_used=[attributes["gen_ai.request.model"]],
                success=chance.random() < 0.7,
                timestamp=MINUTE + timedelta(seconds=end),
            )
    export(post, api_key, request(*metrics))
    assert rollups.roll_up_all() > 0
    assert stored() == recount()
    assert any(rollup.hist_zero for rollup in MinuteRollup.objects.all())


def test_points_and_series_past_their_retention_are_forgotten(
    post: Post, old_key: str, settings: Any
) -> None:
    settings.ROW_RETENTION_DAYS = 2
    export(post, old_key, everything())
    past = timezone.now() + timedelta(days=2)
    assert series.forget_old(past - timedelta(hours=2)) == 0
    assert series.forget_old(past + timedelta(hours=23)) == 2
    assert OtlpSeries.objects.count() == 2
    series.forget_old(past + timedelta(hours=25))
    assert not OtlpSeries.objects.exists()
    assert "points_forgotten" in tasks.maintain()
