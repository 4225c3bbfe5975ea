"""Minute roll-ups past their retention are forgotten."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client
from metrics import longer, rollups, series, tasks
from metrics.models import DayRollup, HourRollup, MetricHour, MinuteRollup
from metrics.spans import DAY, HOUR, floor

pytestmark = pytest.mark.django_db
METRIC = "conversational_query_response_time"


@pytest.fixture
def oldest() -> datetime:
    """The first minute that is kept: a day of UTC is kept as a whole."""
    return floor(timezone.now() - timedelta(days=2, hours=1), DAY)


@pytest.fixture
def rolled_up(acme: Client, make_rows: Callable[..., Any], settings: Any, oldest: datetime) -> None:
    """A minute just within the retention, and one just past it, both summed up by hour."""
    make_rows(acme, [100], timestamp=oldest)
    make_rows(acme, [100, 100], timestamp=oldest - timedelta(minutes=1))
    rollups.roll_up_all()
    longer.roll_up_all(timezone.now())
    settings.MINUTE_RETENTION_DAYS = 2


def test_it_forgets_the_minutes_past_the_retention_only(rolled_up: None, oldest: datetime) -> None:
    assert rollups.forget_old(timezone.now()) == 1
    assert MinuteRollup.objects.get().minute == oldest


def test_the_upkeep_forgets_them_too(rolled_up: None) -> None:
    assert tasks.maintain()["minutes_forgotten"] == 1
    assert MinuteRollup.objects.count() == 1


def test_what_is_forgotten_by_the_minute_is_still_read_by_the_hour(
    rolled_up: None, oldest: datetime
) -> None:
    tasks.maintain()
    asked = series.Asked(METRIC, oldest - HOUR, oldest + HOUR, HOUR)
    assert [point.count for point in series.points(asked, limit=10)] == [2, 1]


def test_a_late_row_does_not_stand_for_an_hour_whose_minutes_are_gone(
    rolled_up: None, oldest: datetime, acme: Client, make_rows: Callable[..., Any]
) -> None:
    tasks.maintain()
    make_rows(acme, [1], timestamp=oldest - timedelta(minutes=2))
    tasks.roll_up()
    assert HourRollup.objects.get(hour__lt=oldest).total == 2


def test_minutes_that_are_not_summed_up_yet_stay(
    acme: Client, make_rows: Callable[..., Any], settings: Any, oldest: datetime
) -> None:
    make_rows(acme, [100], timestamp=oldest - timedelta(minutes=1))
    rollups.roll_up_all()
    settings.MINUTE_RETENTION_DAYS = 2
    assert rollups.forget_old(timezone.now()) == 0
    assert tasks.maintain()["minutes_forgotten"] == 1
    assert HourRollup.objects.get().total == 1


def test_hours_and_days_are_forgotten_after_their_own_retention(
    acme: Client, make_rows: Callable[..., Any], settings: Any
) -> None:
    first = floor(timezone.now() - timedelta(days=2), DAY)
    make_rows(acme, [100], timestamp=first)
    make_rows(acme, [100], timestamp=first - timedelta(minutes=1))
    rollups.roll_up_all()
    longer.roll_up_all(timezone.now())
    settings.HOUR_RETENTION_DAYS = 2
    tasks.maintain()
    for model in (HourRollup, MetricHour):
        assert model.objects.get().hour == first
    assert DayRollup.objects.get().day == first
