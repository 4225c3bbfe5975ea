"""What the ledger counts, and what it proposes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client, User
from alerts.models import Alert
from alerts.triage import flapping, lifecycle, noise, people, tuning
from alerts.triage.noise import Line
from alerts.triage.tuning import Needed, Trial
from slas import objectives
from slas.backtest import Episode

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=timezone.get_fixed_timezone(0))


def minutes(count: float) -> timedelta:
    """A span."""
    return timedelta(minutes=count)


def line(**fields: Any) -> Line:
    """A line of the ledger."""
    counts = dict.fromkeys(
        ["fired", "quiet", "acknowledged", "alerts", "short", "marked", "actionable", "flapped"], 0
    )
    texts = {"what": "x", "rule": "", "objective": "x", "mtta": None, "mttr": None}
    return Line(**{**counts, **texts, **fields})


@pytest.mark.django_db
def test_the_ledger_counts_a_rules_alerts(
    breach: Callable[..., Alert], make_user: Callable[..., User], acme: Client, globex: Client
) -> None:
    first, second = breach(), breach("availability")
    user = make_user()
    taken = lifecycle.acknowledge(first.pk, acting_user=user, version=first.version)
    lifecycle.resolve(first.pk, acting_user=user, version=taken.version)
    for kind, later in (("opened", 0), ("acknowledged", 4), ("resolved", 30)):
        first.events.filter(kind=kind).update(at=first.fired_at + minutes(later))
    people.mark(first.pk, acting_user=user, actionable=False)
    flapping.recover(second.pk, "kept again")
    breach("availability")
    breach("availability", client=globex)
    now = timezone.now()
    found = {one.what: one for one in noise.ledger([acme.pk], now - minutes(9), now)}
    latency = found["sla:simple_queries:latency"]
    assert (latency.fired, latency.acknowledged, latency.marked, latency.actionable) == (1, 1, 1, 0)
    assert (latency.mtta, latency.mttr, latency.short) == (minutes(4), minutes(30), 0)
    available = found["sla:simple_queries:availability"]
    assert (available.fired, available.alerts, available.mtta) == (2, 1, None)


@pytest.mark.django_db
def test_what_was_over_at_once_is_short_and_what_was_never_told_is_quiet(
    breach: Callable[..., Alert], acme: Client
) -> None:
    flapping.recover(breach().pk, "kept again")
    flapping.recover(breach("availability", hold=minutes(5)).pk, "kept again")
    now = timezone.now()
    quiet, short = sorted(noise.ledger([acme.pk], now - minutes(9), now), key=lambda x: x.fired)
    assert (short.fired, short.short, short.quiet) == (1, 1, 0)
    assert (quiet.fired, quiet.short, quiet.quiet) == (0, 0, 1)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"fired": 4, "alerts": 4, "short": 4}, ""),
        ({"fired": 8, "alerts": 8, "short": 3}, ""),
        ({"fired": 8, "alerts": 8, "short": 4}, "4 of 8 over within 5 min"),
        ({"fired": 8, "alerts": 8, "marked": 2}, ""),
        ({"fired": 8, "alerts": 8, "marked": 3, "actionable": 1}, "2 of 3 judged not actionable"),
        ({"fired": 8, "alerts": 2, "flapped": 1}, "1 flapped"),
    ],
)
def test_a_rule_is_noisy_by_what_people_say_and_what_ends_at_once(
    fields: dict[str, int], why: str
) -> None:
    assert line(**fields).why_noisy == why


def test_a_hold_time_leaves_out_what_is_shorter_and_tells_the_rest_later() -> None:
    short = Episode(1, NOON, NOON + minutes(4))
    long, running = Episode(1, NOON, NOON + minutes(9)), Episode(2, NOON, None)
    found = tuning.held([short, long, running], minutes(5), NOON + minutes(60))
    assert [(one.client_id, one.start) for one in found] == [
        (1, NOON + minutes(5)),
        (2, NOON + minutes(5)),
    ]


def test_a_trial_finds_a_needed_alert_of_the_same_client_and_time_alone() -> None:
    needed = [
        Needed(1, 1, NOON, NOON + minutes(10)),
        Needed(2, 2, NOON, NOON + minutes(10)),
        Needed(3, 1, NOON + minutes(60), NOON + minutes(70)),
    ]
    episode = Episode(1, NOON + minutes(5), NOON + minutes(20))
    assert tuning.trial("x", [episode], needed, NOON + minutes(99)).found == 1


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([(2, 3, 0), (1, 2, 0)], 2),  # one that loses a needed alert is none
        ([(8, 3, 0)], None),  # hardly quieter
        ([(3, 3, 10), (3, 3, 2)], 3),
        ([], None),
    ],
)
def test_the_best_loses_nothing_that_was_needed_and_is_clearly_quieter(
    trials: list[tuple[int, int, int]], expected: int | None
) -> None:
    tried = [Trial("x", alerts, found, minutes(later)) for alerts, found, later in trials]
    best = tuning.best(Trial("now", 10, 3, minutes(0)), tried)
    assert (best.alerts if best else None) == expected
    assert best is None or best.later == min(one.later for one in tried if one.alerts == expected)


@pytest.mark.django_db
def test_it_proposes_for_spikes_what_would_not_have_told_them(
    acme: Client, make_rows: Callable[..., Any]
) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    for hour in range(1, 8):
        at = now - timedelta(hours=hour)
        make_rows(acme, [9000.0] * 6, timestamp=at)
        for minute in range(1, 12):
            make_rows(acme, [500.0] * 40, timestamp=at + minutes(minute))
    (latency,) = [one for one in objectives.enabled() if one.key == "sla:simple_queries:latency"]
    found = tuning.propose(latency, [acme.pk], now, 1)
    assert found.now.alerts == 7
    assert found.best is not None
    assert (found.best.alerts, found.best.found) == (0, found.now.found)
