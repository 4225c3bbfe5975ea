"""/v1/metrics: number points become rows, histograms parts of roll-ups; nothing twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics import rollups
from metrics.histogram import bucket
from metrics.ingest.tally import tally
from metrics.models import (
    Emitter,
    HistogramPoint,
    IntakeMinute,
    IntakeRejection,
    MinuteRollup,
    OtlpSeries,
    PerformanceMetric,
)
from metrics.otlp import mapping
from tests.metrics.fast import Post
from tests.metrics.otlp import PROTOBUF
from tests.metrics.otlp_metrics import (
    CHAT,
    CHOICES,
    CUMULATIVE,
    DURATION,
    NOON,
    TOKENS,
    buckets,
    counted,
    counter,
    explicit,
    exponential,
    export,
    gauge,
    growing,
    point,
    request,
    rising,
)
from tests.metrics.recount import recount, stored

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

OURS = "gen_ai.client.inference.duration"
MINUTE = datetime.fromtimestamp(NOON / 10**9, UTC)


@pytest.fixture(autouse=True)
def fresh_mapping() -> None:
    mapping.forget()


def reason_counts() -> dict[str, int]:
    tally.flush()
    return dict(IntakeRejection.objects.values_list("reason", "count"))


def values() -> list[float]:
    return [*PerformanceMetric.objects.order_by("timestamp").values_list("metric_value", flat=True)]


def test_a_gauge_is_one_row_in_our_unit(post: Post, api_key: str) -> None:
    (answer,) = export(post, api_key, request(gauge(DURATION, point(0, 30, as_double=1.25))))
    assert not answer.HasField("partial_success")
    row = PerformanceMetric.objects.get()
    assert (row.metric_name, row.metric_category) == (OURS, "ml_inference")
    assert (row.metric_value, row.measurement_unit) == (1250.0, "ms")
    assert (row.component, row.service_name) == ("cognitive_core", "assistant")
    assert (row.ml_models_used, row.success) == (["gpt-4o"], True)
    assert row.timestamp == MINUTE + timedelta(seconds=30)


def test_a_delta_counter_is_a_row_a_point(post: Post, api_key: str) -> None:
    sent = [point(n, n + 1, as_int=n) for n in range(3)]
    export(post, api_key, request(counter(CHOICES, *sent)))
    assert values() == [0, 1, 2]
    assert not OtlpSeries.objects.exists()


def test_a_cumulative_counter_is_rows_of_its_differences(post: Post, old_key: str) -> None:
    for end, value in ((10, 5), (20, 5), (30, 12)):
        export(post, old_key, rising(end, value))
    assert values() == [5, 0, 7]
    export(post, old_key, rising(50, 3, start=40))
    assert values() == [5, 0, 7, 3]


def test_a_counter_that_goes_up_and_down_is_a_gauge(post: Post, api_key: str) -> None:
    sent = [point(0, n, as_int=value) for n, value in enumerate([5, 3], 1)]
    export(post, api_key, request(counter(CHOICES, *sent, temporality=CUMULATIVE, monotonic=False)))
    assert values() == [5, 3]


def test_a_delta_histogram_is_no_row_but_part_of_its_minute(post: Post, api_key: str) -> None:
    sent = counted(0, 30, [1, 0, 4, 0, 0], sum=1.3, min=0.05, max=0.4)
    (answer,) = export(post, api_key, request(explicit(DURATION, sent)))
    assert not answer.HasField("partial_success")
    assert not PerformanceMetric.objects.exists()
    assert rollups.roll_up() == 1
    rollup = MinuteRollup.objects.get()
    assert (rollup.metric_name, rollup.minute, rollup.model) == (OURS, MINUTE, "gpt-4o")
    assert (rollup.total, rollup.succeeded, rollup.approximate) == (5, 5, True)
    assert (rollup.value_min, rollup.value_max) == (50, 400)
    assert rollup.value_sum == pytest.approx(1300)
    assert sum(rollup.hist_cnt) == 5
    assert min(rollup.hist_idx) >= bucket(50)
    assert max(rollup.hist_idx) <= bucket(400)


def test_an_exponential_histogram_in_our_unit_is_kept_exactly(post: Post, api_key: str) -> None:
    attributes = {**CHAT, "gen_ai.token.type": "output"}
    positive = buckets([1, 2, 3], offset=1000)
    sent = point(
        *(0, 30),
        attributes=attributes,
        scale=8,
        zero_count=4,
        positive=positive,
        count=10,
        sum=90.0,
        min=0.0,
        max=15.1,
    )
    export(post, api_key, request(exponential(TOKENS, sent)))
    rollups.roll_up()
    rollup = MinuteRollup.objects.get()
    assert rollup.metric_name == "gen_ai.client.inference.usage.output_tokens"
    assert (rollup.hist_idx, rollup.hist_cnt, rollup.hist_zero) == ([125], [6], 4)
    assert (rollup.value_sum, rollup.value_max, rollup.approximate) == (90.0, 15.1, False)


def test_a_cumulative_histogram_adds_what_came_since_the_last(post: Post, old_key: str) -> None:
    export(post, old_key, growing(10, 1, 0, 0, 0, 0))
    export(post, old_key, growing(20, 1, 2, 0, 0, 0))
    export(post, old_key, growing(30, 1, 2, 0, 0, 0))
    assert [*HistogramPoint.objects.order_by("time_nano").values_list("total", flat=True)] == [1, 2]
    rollups.roll_up()
    assert MinuteRollup.objects.get().total == 3


def test_failed_calls_count_and_are_in_no_percentile(post: Post, api_key: str) -> None:
    failed = counted(0, 30, [0, 0, 0, 0, 7], attributes={**CHAT, "error.type": "timeout"})
    export(post, api_key, request(explicit(DURATION, counted(0, 30, [0, 3, 0, 0, 0]), failed)))
    rollups.roll_up()
    rollup = MinuteRollup.objects.get()
    assert (rollup.total, rollup.succeeded, sum(rollup.hist_cnt)) == (10, 3, 3)
    assert rollup.value_max is not None
    assert rollup.value_max <= 200
    assert stored() == recount()


def test_a_series_that_began_before_the_first_key_is_only_remembered(
    post: Post, api_key: str
) -> None:
    """Its values may have been counted elsewhere."""
    export(post, api_key, growing(10, 100, 0, 0, 0, 0), rising(10, 100))
    assert not HistogramPoint.objects.exists()
    assert values() == []
    assert reason_counts() == {"counter_started_before_us": 2}
    export(post, api_key, growing(20, 103, 0, 0, 0, 0), rising(20, 104))
    assert HistogramPoint.objects.get().total == 3
    assert values() == [4]


def test_a_key_that_is_rotated_does_not_forget(post: Post, old_key: str) -> None:
    _key, newer = keys.issue("newer", [ApiKey.Scope.INGEST])
    export(post, newer, rising(10, 5))
    assert values() == [5]


def test_what_cant_be_mapped_is_counted_and_is_no_error(post: Post, api_key: str) -> None:
    (answer,) = export(
        post,
        api_key,
        request(
            gauge("process.threads", point(0, 1, as_int=3), point(0, 2, as_int=4)),
            explicit(TOKENS, counted(0, 1, [1] * 5)),
        ),
    )
    assert not answer.HasField("partial_success")
    assert reason_counts() == {"metric_not_mapped: process.threads": 2, "token_type_missing": 1}
    assert "assistant" in IntakeRejection.objects.get(reason__startswith="metric").example


def test_faulty_points_are_told_and_the_others_are_kept(post: Post, api_key: str) -> None:
    stranger, lost = {"aiosmon.client": "nobody"}, {"aiosmon.component": "nowhere"}
    message = request(
        gauge(DURATION, point(0, 1, as_double=float("inf"))),
        gauge(DURATION, point(0, 1, as_double=-1.0)),
        gauge(DURATION, point(0, 86_400, as_double=1.0)),
        explicit(DURATION, counted(0, 1, [1] * 5, attributes=stranger)),
        explicit(DURATION, counted(0, 1, [1] * 5, attributes=lost)),
        explicit(DURATION, counted(0, 1, [1] * 5, count=3)),
        explicit(DURATION, counted(0, 1, [1] * 5)),
        gauge(DURATION, point(0, 1, as_double=1.0)),
    )
    (answer,) = export(post, api_key, message)
    assert answer.partial_success.rejected_data_points == 6
    assert "record 0, value" in answer.partial_success.error_message
    assert (HistogramPoint.objects.count(), PerformanceMetric.objects.count()) == (1, 1)
    assert set(reason_counts()) == {
        *("value", "metric_value", "timestamp", "client", "component", "histogram")
    }
    minute = IntakeMinute.objects.get()
    assert (minute.face, minute.stored, minute.rejected) == ("otlp_metrics", 2, 6)


def test_a_faulty_point_leaves_its_series_where_it_was(post: Post, old_key: str) -> None:
    export(post, old_key, growing(10, 1, 0, 0, 0, 0))
    export(post, old_key, growing(20, 9, 0, 0, 0, 0, count=1))
    export(post, old_key, growing(30, 4, 0, 0, 0, 0))
    totals = HistogramPoint.objects.order_by("time_nano").values_list("total", flat=True)
    assert [*totals] == [1, 3]


def test_series_of_two_clients_are_two(post: Post, acme: Client, globex: Client) -> None:
    for client in (acme, globex):
        _key, text = keys.issue(client.code, [ApiKey.Scope.INGEST], client=client)
        ApiKey.objects.update(created_at=timezone.now() - timedelta(days=3))
        export(post, text, growing(10, 2, 0, 0, 0, 0))
    points = HistogramPoint.objects.order_by("client_id").values_list("client_id", "total")
    assert [*points] == [(acme.pk, 2), (globex.pk, 2)]


def test_a_service_that_sends_metrics_is_heard(post: Post, api_key: str) -> None:
    export(post, api_key, request(explicit(DURATION, counted(0, 1, [1] * 5))))
    tally.flush()
    assert Emitter.objects.get().service_name == "assistant"


def test_a_request_of_too_many_points_is_refused(post: Post, api_key: str, settings: Any) -> None:
    settings.INGEST_MAX_ROWS = 2
    body = request(gauge(DURATION, *(point(0, n, as_int=1) for n in range(1, 4))))
    (answer,) = post(
        api_key, body.SerializeToString(), path="/v1/metrics", **{"Content-Type": PROTOBUF}
    )
    assert answer.status_code == 413
    assert not PerformanceMetric.objects.exists()
