"""What is found now: by rules over SLI minutes, for every kind of promise, in few statements."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Client, User
from metrics.models import Emitter
from slas import evaluating, objectives
from slas.compliance import Finding
from slas.models import BurnRule, Contract, Exclusion, HeldRule, ModelTarget, Sla

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]
MINUTE = timedelta(minutes=1)
AVAILABILITY, LATENCY = "sla:simple_queries:availability", "sla:simple_queries:latency"


@pytest.fixture
def now() -> datetime:
    """Half a minute after a whole one."""
    return timezone.now().replace(second=30, microsecond=0) - timedelta(hours=1)


def found(now: datetime, client: Client, key: str = AVAILABILITY) -> Finding:
    """What is found for one client and objective once everything is counted."""
    evaluating.refresh(now)
    every = evaluating.evaluate(objectives.enabled(), now)
    (one,) = [f for f in every if f.client_id == client.pk and f.objective.key == key]
    return one


def exclude(start: datetime, end: datetime, make_user: Callable[..., User], **more: Any) -> None:
    """An approved exclusion."""
    asker, decider = make_user(), make_user()
    Exclusion.objects.create(
        starts_at=start,
        ends_at=end,
        category="maintenance",
        reason="Tests.",
        status="approved",
        requested_by=asker,
        decided_by=decider,
        decided_at=end,
        **more,
    )


def test_it_says_of_which_promises_counting_changed_anything(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    Sla.objects.create(
        code="elsewhere",
        description="The same metric of another component.",
        metric_name="conversational_query_response_time",
        component="user_interface",
        target_response_time=1000,
        max_response_time=2000,
        availability=99,
    )
    for component in ("cognitive_core", "user_interface"):
        make_rows(acme, [100.0], component=component, timestamp=now)
    evaluating.refresh(now)
    make_rows(acme, [100.0], component="user_interface", query_complexity=None, timestamp=now)
    pairs = evaluating.refresh(now).pairs
    keys = {objective.key for objective in evaluating.promised_to(pairs)}
    assert keys == {"sla:elsewhere:latency", "sla:elsewhere:availability"}


def test_it_says_which_rule_fired_and_what_it_saw(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [100.0] * 60, timestamp=now - 20 * MINUTE)
    make_rows(acme, [100.0] * 20, timestamp=now - MINUTE, success=False)
    one = found(now, acme)
    assert one.fired is not None
    assert (one.fired.rule.name, one.status) == ("fast", "breach")
    steep = {burn.rule.name: burn for burn in one.burns}["1h/5m"]
    assert (steep.long.bad, steep.long.total, steep.short.bad, steep.short.total) == (
        20,
        80,
        20,
        20,
    )
    assert steep.rates() == pytest.approx((50.0, 200.0))
    assert one.figures.total == 20


@pytest.mark.parametrize(("bad", "good"), [(2, 0), (2, 8), (3, 500)])
def test_what_chance_explains_is_a_risk_and_no_alert(
    acme: Client, make_rows: MakeRows, now: datetime, bad: int, good: int
) -> None:
    Sla.objects.update(minimum_samples=1)
    make_rows(acme, [100.0] * good, timestamp=now)
    make_rows(acme, [100.0] * bad, timestamp=now, success=False)
    one = found(now, acme)
    assert not one.breached
    assert one.status == "at_risk"


def test_a_slow_burn_is_a_ticket_although_the_window_keeps_the_promise(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    for hour in range(6):
        make_rows(acme, [100.0] * 80, timestamp=now - hour * timedelta(hours=1) - 9 * MINUTE)
        bad = now - hour * timedelta(hours=1) - 9 * MINUTE
        make_rows(acme, [100.0] * 4, timestamp=bad, success=False)
    make_rows(acme, [100.0] * 20, timestamp=now)
    one = found(now, acme)
    assert one.fired is not None
    assert one.fired.rule.name == "6h/30m"
    assert one.status == "ok"


def test_clients_and_objectives_do_not_add_statements(
    acme: Client, globex: Client, make_rows: MakeRows, now: datetime
) -> None:
    def statements() -> int:
        evaluating.refresh(now)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            evaluating.evaluate(objectives.enabled(), now)
        return len(queries)

    make_rows(acme, [100.0] * 5, timestamp=now)
    few = statements()
    for client in (acme, globex, *(Client.objects.create(code=f"c{n}", name="C") for n in "12")):
        for complexity in ("simple", "moderate", "complex"):
            make_rows(client, [100.0] * 5, timestamp=now, query_complexity=complexity)
    assert statements() == few <= 16


def test_an_approved_exclusion_takes_its_minutes_out(
    acme: Client, make_rows: MakeRows, make_user: Callable[..., User], now: datetime
) -> None:
    make_rows(acme, [100.0] * 20, timestamp=now - 2 * MINUTE, success=False)
    assert found(now, acme).breached
    start = (now - 3 * MINUTE).replace(second=0)
    exclude(start, start + 2 * MINUTE, make_user, objective=AVAILABILITY)
    one = found(now, acme)
    assert (one.breached, one.status) == (False, "excluded")
    assert one.recovered("fast")
    assert found(now, acme, LATENCY).breached
    # What comes after it counts again.
    make_rows(acme, [100.0] * 5, timestamp=now)
    assert found(now, acme).status == "ok"


def test_time_outside_business_hours_does_not_count(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    day = (now.weekday() + 3) % 7
    Contract.objects.create(
        client=acme,
        sla=Sla.objects.get(code="simple_queries"),
        valid_from=(now - timedelta(days=5)).date(),
        business_hours=[{"day": day, "from": "08:00", "until": "18:00"}],
    )
    make_rows(acme, [100.0] * 20, timestamp=now, success=False)
    assert found(now, acme).status == "excluded"


def test_silence_is_a_verdict_of_its_own_and_no_recovery(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [100.0] * 5, timestamp=now - timedelta(hours=2))
    emitter = Emitter.objects.create(
        client=acme,
        component="cognitive_core",
        service_name="tests",
        last_seen_at=now - timedelta(hours=2),
        silent_after_seconds=600,
    )
    one = found(now, acme)
    assert (one.status, one.silent_since) == ("no_data", emitter.last_seen_at)
    assert not one.recovered("fast")
    Emitter.objects.update(last_seen_at=now)
    assert found(now, acme).status == "insufficient_data"


@pytest.mark.parametrize(
    ("metric", "unit", "kept", "broken"),
    [
        ("model_accuracy", "accuracy", 0.70, 0.69),
        ("model_business_accuracy", "accuracy", 0.75, 0.74),
        ("ml_training_time", "seconds", 2400.0, 2400.5),
        ("ml_model_size", "mb", 75.0, 76.0),
    ],
)
def test_what_a_training_reports_holds_until_the_next(
    acme: Client,
    make_rows: MakeRows,
    now: datetime,
    metric: str,
    unit: str,
    kept: float,
    broken: float,
) -> None:
    model = "rework_risk_assessment"
    row = {"metric_name": metric, "measurement_unit": unit, "metric_category": "ml_inference"}
    row |= {"query_complexity": None, "ml_models_used": [model]}
    name = {"model_accuracy": "accuracy", "model_business_accuracy": "business_accuracy"}
    key = f"model:{model}:{name.get(metric, metric.removeprefix('ml_'))}"
    make_rows(acme, [broken], timestamp=now - timedelta(days=3), **row)
    one = found(now, acme, key)
    assert (one.breached, one.ruling.actual) == (True, broken)
    make_rows(acme, [kept], timestamp=now - timedelta(days=1), **row)
    one = found(now, acme, key)
    assert (one.breached, one.ruling.actual) == (False, kept)
    assert one.recovered("")


def test_every_number_of_a_model_target_is_judged() -> None:
    target = ModelTarget.objects.get(model_name="epic_trajectory_prediction")
    judged = {one.name or one.kind: one.threshold for one in objectives.of_model(target)}
    assert judged == {
        "inference_time": 400,
        "accuracy": 0.75,
        "business_accuracy": 0.8,
        "training_time": 3600,
        "model_size": 100,
        "satisfaction": 4.0,
    }


def test_a_rule_with_a_hold_time_waits_and_starts_anew_after_a_break(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    rule = {"name": "fast", "long_minutes": 5, "short_minutes": 5, "burn": 1, "hold_seconds": 60}
    BurnRule.objects.create(**rule)
    BurnRule.objects.create(**{**rule, "name": "off", "enabled": False})
    make_rows(acme, [100.0] * 20, timestamp=now, success=False)
    fired = [found(now + timedelta(seconds=s), acme).breached for s in (0, 30, 59, 60)]
    assert fired == [False, False, False, True]
    make_rows(acme, [100.0] * 20_000, timestamp=now + timedelta(seconds=70))
    assert not found(now + timedelta(seconds=80), acme).breached
    assert not HeldRule.objects.filter(objective=AVAILABILITY).exists()


def test_only_what_came_since_is_asked_again(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [100.0] * 20, timestamp=now - 4 * MINUTE, success=False)
    make_rows(acme, [100.0] * 4, timestamp=now - 3 * MINUTE, success=False)
    one = found(now, acme)
    for since, again in ((5, True), (4, True), (3.9, False), (2, False), (-1, False)):
        assert evaluating.again(one, now - since * MINUTE) == again, since
