"""Hours and days equal the minutes in them, and no answer waits for them."""

import random
from collections.abc import Callable
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Client
from metrics import longer, rollups, series
from metrics.models import HourRollup, MinuteRollup, PendingHour
from metrics.series import Asked
from metrics.spans import DAY, HOUR
from tests.metrics.recount import recount_longer, stored_longer

pytestmark = pytest.mark.django_db
METRIC = "conversational_query_response_time"
NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - 2 * DAY
Make = Callable[[Client, datetime], None]


@pytest.fixture
def some(make_rows: Any) -> Make:
    """Store a few drawn rows at the time."""
    chance = random.Random(3)

    def make(client: Client, at: datetime) -> None:
        make_rows(
            client,
            [chance.choice([0.0, -2.0, chance.lognormvariate(6, 2)]) for _ in range(3)],
            timestamp=at,
            success=chance.random() > 0.2,
            query_complexity=chance.choice([None, "simple"]),
            ml_models_used=chance.choice([None, ["a"]]),
            user_satisfaction_score=chance.choice([None, 1.0, 4.5]),
            synthetic=chance.random() > 0.7,
        )

    return make


def over_days(some: Make, *clients: Client) -> None:
    """Rows to both sides of the borders of hours and a day."""
    for minute in (-1, 0, 59, 60, 719, 720, 721, 1000):
        for client in clients:
            some(client, NOON + timedelta(minutes=minute))


def read(step: timedelta, **filters: Any) -> list[Any]:
    asked = Asked(METRIC, NOON - 12 * HOUR, NOON + 36 * HOUR, step, filters=filters)
    found = series.points(asked, limit=100)
    # The last bits of sums and means depend on the order of adding.
    return [
        tuple(round(part, 6) if isinstance(part, float) else part for part in astuple(point))
        for point in found
    ]


def test_they_equal_a_recount_of_the_minutes(some: Make, acme: Client, globex: Client) -> None:
    over_days(some, acme, globex)
    rollups.roll_up_all()
    assert longer.roll_up_all(timezone.now()) == 2 * 6
    assert not PendingHour.objects.exists()
    assert stored_longer() == recount_longer()


@pytest.mark.parametrize("step", [HOUR, 6 * HOUR, DAY])
@pytest.mark.parametrize("of_one", [True, False])
def test_answers_are_the_same_before_and_after(
    some: Make, acme: Client, globex: Client, step: timedelta, of_one: bool
) -> None:
    over_days(some, acme, globex)
    rollups.roll_up_all()
    filters: dict[str, Any] = {"client_id": acme.pk, "model": "a"} if of_one else {}
    before = read(step, **filters)
    longer.roll_up_all(timezone.now())
    MinuteRollup.objects.all().delete()
    assert read(step, **filters) == before
    assert len(before) > 1


def test_a_late_row_is_read_at_once(some: Make, acme: Client, globex: Client) -> None:
    over_days(some, acme, globex)
    rollups.roll_up_all()
    longer.roll_up_all(timezone.now())
    some(acme, NOON + timedelta(minutes=30))
    rollups.roll_up_all()
    before = read(HOUR), read(DAY), read(DAY, client_id=acme.pk)
    assert longer.roll_up_all(timezone.now()) == 1
    assert (read(HOUR), read(DAY), read(DAY, client_id=acme.pk)) == before
    assert stored_longer() == recount_longer()


def test_an_hour_is_summed_up_when_it_is_over(some: Make, acme: Client) -> None:
    some(acme, NOON)
    rollups.roll_up_all()
    assert longer.roll_up_all(NOON + timedelta(minutes=59)) == 0
    assert not HourRollup.objects.exists()
    assert longer.roll_up_all(NOON + HOUR) == 1


def test_an_hour_is_marked_once(some: Make, acme: Client) -> None:
    for minute in range(3):
        some(acme, NOON + timedelta(minutes=minute))
        rollups.roll_up_all()
    assert PendingHour.objects.get().hour == NOON


def test_a_mark_without_minutes_is_cleared(acme: Client) -> None:
    PendingHour.objects.create(client=acme, metric_name="gone", hour=NOON)
    assert longer.roll_up(timezone.now()) == 1
    assert not PendingHour.objects.exists()


@pytest.mark.parametrize(("limited", "shown"), [(False, [200, 200, 200]), (True, [200, 200, 403])])
def test_hours_over_all_clients_are_for_who_sees_them_all(
    some: Make, acme: Client, globex: Client, make_user: Any, limited: bool, shown: list[int]
) -> None:
    over_days(some, acme, globex)
    rollups.roll_up_all()
    longer.roll_up_all(timezone.now())
    browser = Browser()
    browser.force_login(make_user("Viewer", clients=[acme] if limited else None))
    names = ("hourrollup", "dayrollup", "metrichour")
    answers = [browser.get(f"/admin/metrics/{name}/") for name in names]
    assert [answer.status_code for answer in answers] == shown
    seen = {one.client_id for one in answers[0].context["cl"].result_list}
    assert seen == ({acme.pk} if limited else {acme.pk, globex.pk})
