"""A roll-up equals a recount of the rows, whenever they came and however often it ran."""

import random
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from accounts.models import Client
from metrics import nudge, rollups
from metrics.histogram import merge
from metrics.models import MinuteRollup, PendingMinute
from tests.live.portal import wait_for
from tests.metrics.recount import recount, stored

pytestmark = pytest.mark.django_db

MINUTE = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)


def test_it_equals_a_recount(make_rows: Any, acme: Client, globex: Client) -> None:
    chance = random.Random(5)
    for _ in range(60):
        make_rows(
            chance.choice([acme, globex]),
            [chance.choice([0.0, -2.0, chance.lognormvariate(6, 2)]) for _ in range(5)],
            timestamp=MINUTE + timedelta(seconds=chance.uniform(0, 240)),
            success=chance.random() > 0.2,
            query_complexity=chance.choice([None, "simple", "complex"]),
            ml_models_used=chance.choice([None, [], ["a"], ["b", "a"]]) or None,
            user_satisfaction_score=chance.choice([None, 1.0, 4.5]),
            synthetic=chance.random() > 0.5,
        )
    assert rollups.roll_up_all() > 0
    assert stored() == recount()
    assert not PendingMinute.objects.exists()


def test_it_takes_both_ends_of_a_minute_and_nothing_more(make_rows: Any, acme: Client) -> None:
    for offset in (timedelta(0), timedelta(seconds=60) - timedelta(microseconds=1)):
        make_rows(acme, [1.0], timestamp=MINUTE + offset)
    make_rows(acme, [1.0], timestamp=MINUTE + timedelta(seconds=60))
    rollups.roll_up()
    totals = MinuteRollup.objects.order_by("minute").values_list("total", flat=True)
    assert [*totals] == [2, 1]


def test_a_late_row_marks_its_minute_again_and_corrects_it(make_rows: Any, acme: Client) -> None:
    make_rows(acme, [100.0], timestamp=MINUTE)
    rollups.roll_up()
    make_rows(acme, [300.0], timestamp=MINUTE)
    assert PendingMinute.objects.count() == 1
    assert rollups.roll_up() == 1
    assert MinuteRollup.objects.get().total == 2
    assert stored() == recount()


def test_a_minute_with_very_many_rows_is_left_to_who_has_the_time(
    make_rows: Any, acme: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "LIGHT_ROWS", 3)
    names = ("heavy_time", "light_time")
    for name in names:
        make_rows(acme, [1.0] * 4 if name == "heavy_time" else [1.0], metric_name=name)
    # How many rows there are is known from the first time on.
    assert rollups.roll_up_all(light_alone=True) == 2
    for name in names:
        make_rows(acme, [1.0], metric_name=name)
    assert rollups.roll_up_all(light_alone=True) == 1
    assert [one.metric_name for one in PendingMinute.objects.all()] == ["heavy_time"]
    assert rollups.roll_up_all() == 1
    assert stored() == recount()


def test_heavy_minutes_rest_for_as_long_as_they_took(
    make_rows: Any, acme: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "LIGHT_ROWS", 3)
    make_rows(acme, [1.0] * 4)
    assert rollups.roll_up_at_leisure() == 1
    try:
        make_rows(acme, [1.0])
        nudge.rest(5)
        assert rollups.roll_up_at_leisure() == 0
        nudge.rest(0.0001)
        wait_for("the rest's end", lambda: not nudge.rests(), 5)
        assert rollups.roll_up_at_leisure() == 1
    finally:
        redis.Redis.from_url(settings.REDIS_URL).delete(nudge.RESTING)


def test_a_repeat_changes_nothing(make_rows: Any, acme: Client) -> None:
    make_rows(acme, [100.0, 200.0], timestamp=MINUTE)
    rollups.roll_up()
    before = MinuteRollup.objects.values().get()
    assert rollups.roll_up() == 0
    PendingMinute.objects.create(
        client=acme, metric_name="conversational_query_response_time", minute=MINUTE
    )
    assert rollups.roll_up() == 1
    assert MinuteRollup.objects.values().get() == before


def test_a_mark_without_rows_is_cleared(acme: Client) -> None:
    PendingMinute.objects.create(client=acme, metric_name="gone", minute=MINUTE)
    assert rollups.roll_up() == 1
    assert not PendingMinute.objects.exists()
    assert not MinuteRollup.objects.exists()


def test_it_goes_on_until_no_mark_is_left(acme: Client) -> None:
    marks = [
        PendingMinute(client=acme, metric_name=f"m{n}", minute=MINUTE)
        for n in range(rollups.BATCH + 3)
    ]
    PendingMinute.objects.bulk_create(marks)
    assert rollups.roll_up_all(most=1) == rollups.BATCH
    assert rollups.roll_up_all() == 3


def test_the_newest_minutes_come_first(make_rows: Any, acme: Client) -> None:
    for age in (0, 10, 20):
        make_rows(acme, [1.0], timestamp=MINUTE - timedelta(minutes=age))
    rollups.roll_up(batch=1)
    assert MinuteRollup.objects.get().minute == MINUTE


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("query_complexity", ["simple", "complex", None]),
        ("ml_models_used", [["a"], ["b"], None]),
        ("synthetic", [True, False]),
        ("service_name", ["x", "y"]),
        ("component", ["cognitive_core", "user_interface"]),
        ("measurement_unit", ["ms", "seconds"]),
    ],
)
def test_a_series_is_split_by(make_rows: Any, acme: Client, field: str, values: list[Any]) -> None:
    for value in values:
        make_rows(acme, [1.0], timestamp=MINUTE, **{field: value})
    rollups.roll_up()
    assert MinuteRollup.objects.count() == len(values)


def test_failed_rows_are_counted_but_are_in_no_percentile(make_rows: Any, acme: Client) -> None:
    make_rows(acme, [100.0, 100.0, 100.0], timestamp=MINUTE)
    make_rows(acme, [30_000.0] * 7, timestamp=MINUTE, success=False)
    rollups.roll_up()
    rollup = MinuteRollup.objects.get()
    parts = (rollup.hist_scale, rollup.hist_zero, rollup.hist_idx, rollup.hist_cnt)
    histogram = merge([(*parts, rollup.value_min, rollup.value_max)])
    assert (rollup.total, rollup.succeeded, histogram.total) == (10, 3, 3)
    assert histogram.quantile(0.99) == 100.0


def test_a_minute_of_failures_alone_has_no_extremes(make_rows: Any, acme: Client) -> None:
    make_rows(acme, [5.0], timestamp=MINUTE, success=False)
    rollups.roll_up()
    rollup = MinuteRollup.objects.get()
    assert (rollup.value_min, rollup.value_sum, rollup.hist_idx) == (None, 0.0, [])


def test_the_largest_values_taken_can_be_summed(send: Any, row: Any) -> None:
    assert send([row(metric_value=1e100)] * 50).status_code == 201
    rollups.roll_up()
    assert MinuteRollup.objects.get().value_sum == pytest.approx(50e100)
