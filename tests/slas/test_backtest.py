"""A backtest says what the real evaluation would have said, alert for alert."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Client
from alerts.models import Alert, Status
from alerts.raising import evaluation
from metrics import rollups
from slas import backtest, objectives, sli_sql, slis, versions, windows
from slas.backtest import Episode, TooMuchError
from slas.models import BurnRule, ModelTarget, ResourceLimit, Sla, Slo
from slas.objectives import Kind, Objective

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]
MINUTE = timedelta(minutes=1)
MINUTES = 70


@pytest.fixture
def now() -> datetime:
    """A whole minute within the rows' retention."""
    return timezone.now().replace(second=0, microsecond=0) - timedelta(hours=3)


@pytest.fixture
def promises(db: None) -> list[Objective]:
    """One promise of each kind and aggregate, some with windows that are no whole minutes."""
    Sla.objects.exclude(code="simple_queries").delete()
    ModelTarget.objects.all().delete()
    ResourceLimit.objects.all().delete()
    Sla.objects.update(
        window_seconds=250,
        max_response_time=9000,
        availability=92,
        latency_share=70,
        satisfaction_window_seconds=613,
        minimum_votes=3,
        user_satisfaction_target=3.5,
    )
    for aggregate, seconds in (("mean", 120), ("max", 89), ("latest", 30)):
        ResourceLimit.objects.create(
            component="cognitive_core",
            name=f"queue_{aggregate}",
            value=50.0,
            unit="count",
            metric_name="queue_size",
            aggregate=aggregate,
            window_seconds=seconds,
            minimum_samples=1,
        )
    return objectives.enabled()


def script(make_rows: MakeRows, clients: list[Client], start: datetime, seed: int) -> None:
    """An hour that turns bad and good again, with rows on every kind of border."""
    chance = random.Random(seed)
    for client in clients:
        for minute in range(MINUTES):
            bad = 0.8 if (minute // 12) % 2 else 0.05
            at = start + minute * MINUTE
            for _ in range(chance.choice([0, 2, 6])):
                seconds = chance.choice([0, 10, 30, 31, 47, 59.999999, chance.random() * 60])
                when = at + timedelta(seconds=seconds)
                value = chance.choice([4000.0, 9500.0]) if chance.random() < bad else 300.0
                rating = chance.choice([1.0, 2.2]) if chance.random() < bad else 4.4
                voted = {"user_satisfaction_score": rating} if chance.random() < 0.3 else {}
                failed = chance.random() < bad / 4
                make_rows(client, [value], timestamp=when, success=not failed, **voted)
                depth = chance.random() * (90 if chance.random() < bad else 40)
                make_rows(client, [depth], timestamp=when, **QUEUE)


QUEUE: dict[str, Any] = {
    "metric_name": "queue_size",
    "metric_category": "system_health",
    "measurement_unit": "count",
    "query_complexity": None,
}


def evaluated(start: datetime, end: datetime) -> set[tuple[str, int, datetime, datetime | None]]:
    """The alerts that the real evaluation opens and closes at each minute in (start, end]."""
    opened: dict[tuple[str, int], datetime] = {}
    found: set[tuple[str, int, datetime, datetime | None]] = set()
    at = start + MINUTE
    while at <= end:
        evaluation.evaluate(at)
        is_open = set(
            Alert.objects.exclude(status__in=[Status.PENDING, Status.RESOLVED]).values_list(
                "objective", "client_id"
            )
        )
        for mark in is_open - opened.keys():
            opened[mark] = at
        for mark in opened.keys() - is_open:
            found.add((*mark, opened.pop(mark), at))
        at += MINUTE
    return found | {(*mark, since, None) for mark, since in opened.items()}


@pytest.mark.parametrize(("seed", "minutes", "own_rules"), [(1, 52, False), (2, MINUTES, True)])
def test_it_equals_a_replay_through_the_real_evaluation_alert_for_alert(
    promises: list[Objective],
    acme: Client,
    globex: Client,
    make_rows: MakeRows,
    now: datetime,
    seed: int,
    minutes: int,
    own_rules: bool,
    settings: Any,
) -> None:
    # What the clock on the wall decides is no part of a replay.
    settings.REOPEN_SECONDS, settings.FLAP_CHANGES = 0, 10**6
    script(make_rows, [acme, globex], now, seed)
    if own_rules:
        for name, long, short, hold in (("fast", 5, 5, 180), ("slow", 20, 4, 60)):
            BurnRule.objects.create(
                sla=Sla.objects.get(),
                name=name,
                long_minutes=long,
                short_minutes=short,
                burn=1.2,
                hold_seconds=hold,
            )
    start, end = now + 5 * MINUTE, now + minutes * MINUTE
    expected = evaluated(start, end)
    found = {
        (objective.key, alert.client_id, alert.start, alert.end)
        for objective in promises
        for alert in backtest.replay(objective, [acme.pk, globex.pk], start, end).alerts
    }
    assert found == expected
    # The script is worth replaying: every objective has an alert that began and one that ended.
    assert {key for key, *_ in expected} == {objective.key for objective in promises}
    assert {key for key, *_, closed in expected if closed} == {o.key for o in promises}


def test_its_compliance_is_what_the_slis_count(
    promises: list[Objective], acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    versions.sync(now)
    script(make_rows, [acme], now, seed=3)
    rollups.roll_up_all()
    slis.count_all()
    start, end = now + 7 * MINUTE, now + 61 * MINUTE
    slos = dict(Slo.objects.values_list("base", "pk"))
    counted = windows.sums(acme.pk, list(slos.values()), start, end)
    for objective in promises:
        (outcome,) = backtest.replay(objective, [acme.pk], start, end).outcomes
        sums = counted[slos[objective.key]]
        assert (outcome.sums.good, outcome.sums.total) == (sums.good, sums.total), objective.key
        assert outcome.sums.value_sum == pytest.approx(sums.value_sum)
        assert outcome.sums.value_max == sums.value_max


@pytest.mark.parametrize("rating", [4.4, 4.3])
def test_a_mean_right_on_the_target_keeps_it(
    promises: list[Objective], acme: Client, make_rows: MakeRows, now: datetime, rating: float
) -> None:
    Sla.objects.update(user_satisfaction_target=rating)
    make_rows(acme, [300.0] * 10, timestamp=now, user_satisfaction_score=rating)
    assert evaluated(now, now + MINUTE) == set()
    asked = next(one for one in objectives.enabled() if one.kind == Kind.SATISFACTION)
    assert backtest.replay(asked, [acme.pk], now, now + MINUTE).alerts == []


def test_older_than_the_rows_it_uses_the_stored_minutes(
    promises: list[Objective], acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    versions.sync(now)
    script(make_rows, [acme], now, seed=4)
    rollups.roll_up_all()
    slis.count_all()
    start, end = now + 12 * MINUTE, now + MINUTES * MINUTE
    for objective in promises:
        (exact,) = backtest.replay(objective, [acme.pk], start, end).outcomes
        run = backtest.replay(objective, [acme.pk], start, end, rows_since=end)
        (kept,) = run.outcomes
        assert (kept.sums.good, kept.sums.total) == (exact.sums.good, exact.sums.total)
        assert kept.sums.value_sum == pytest.approx(exact.sums.value_sum)
        if objective.aggregate != "latest":
            assert kept.alerts == exact.alerts


def test_older_than_the_rows_other_targets_are_estimated(
    promises: list[Objective], acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    versions.sync(now)
    values = [100.0 * number for number in range(1, 60)]
    make_rows(acme, values, timestamp=now + timedelta(seconds=20))
    make_rows(acme, [100.0] * 7, timestamp=now + timedelta(seconds=20), success=False)
    rollups.roll_up_all()
    slis.count_all()
    latency = next(one for one in promises if one.key == "sla:simple_queries:latency")
    for within in (250.0, 1950.0, 4950.0, 9000.0):
        asked = replace(latency, good_within=within, threshold=within)
        spans = ([acme.pk], now - 5 * MINUTE, now + 5 * MINUTE)
        (exact,) = backtest.replay(asked, *spans).outcomes
        (kept,) = backtest.replay(asked, *spans, rows_since=spans[2]).outcomes
        assert kept.sums.total == exact.sums.total == 66
        assert kept.sums.good == exact.sums.good


def test_rows_and_older_minutes_meet_without_a_gap_or_an_overlap(
    promises: list[Objective], acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    versions.sync(now)
    script(make_rows, [acme], now, seed=5)
    rollups.roll_up_all()
    slis.count_all()
    latency = next(one for one in promises if one.key == "sla:simple_queries:latency")
    start, end = now, now + MINUTES * MINUTE
    (exact,) = backtest.replay(latency, [acme.pk], start, end).outcomes
    (mixed,) = backtest.replay(
        latency, [acme.pk], start, end, rows_since=now + 31 * MINUTE
    ).outcomes
    assert (mixed.sums.good, mixed.sums.total) == (exact.sums.good, exact.sums.total)
    assert [one.total for one in mixed.steps] == [one.total for one in exact.steps]


def test_a_query_that_takes_too_long_is_ended(
    promises: list[Objective], acme: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sli_sql, "PARTS", "SELECT pg_sleep(600)")
    with pytest.raises(TooMuchError):
        backtest.replay(
            promises[0], [acme.pk], now, now + MINUTE, clock=backtest.Clock(seconds=0.2)
        )
    # The limit ended with the question.
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] == "0"


def test_an_alert_that_never_ends_is_open_still(
    promises: list[Objective], acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [9000.0] * 20, timestamp=now + timedelta(seconds=1))
    run = backtest.replay(promises[0], [acme.pk], now, now + 9 * MINUTE)
    assert run.alerts == [Episode(acme.pk, now + MINUTE, None)]
    assert run.first == now
