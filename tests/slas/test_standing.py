"""How a promise stands over a span: each verdict, by numbers worked out by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Client
from metrics import rollups
from metrics.models import Emitter
from slas import slis, versions
from slas.models import Contract, Exclusion, ModelTarget, ResourceLimit, Sla, Slo
from slas.standing import Standing, Status, standings

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(second=0, microsecond=0)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AVAILABILITY, LATENCY = "sla:simple_queries:availability", "sla:simple_queries:latency"
SATISFACTION = "sla:simple_queries:satisfaction"
Send = Callable[..., None]


@pytest.fixture
def send(acme: Client, make_rows: Any) -> Send:
    """Store good and bad requests of Acme: ``send(95, 5, at=...)``."""

    def make(good: int, bad: int = 0, *, at: datetime = NOW - HOUR, **fields: Any) -> None:
        make_rows(acme, [100.0] * good, timestamp=at, **fields)
        make_rows(acme, [100.0] * bad, timestamp=at, success=False, **fields)

    return make


def stands(
    client: Client, base: str = AVAILABILITY, *, back: timedelta = DAY, end: datetime = NOW
) -> Standing:
    versions.sync(NOW)
    rollups.roll_up_all()
    slis.count_all()
    found = {one.slo.base: one for one in standings(client, end - back, end, NOW)}
    return found[base]


def exclude(**fields: Any) -> Exclusion:
    """An approved exclusion, as the ledger would leave it."""
    from accounts.models import User

    asker, decider = (User.objects.get_or_create(username=name)[0] for name in ("asker", "decider"))
    return Exclusion.objects.create(
        **{
            "category": "maintenance",
            "reason": "Tests.",
            "status": "approved",
            "requested_by": asker,
            "decided_by": decider,
            "decided_at": NOW,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("good", "bad", "status", "left"),
    [
        # 99.5 % of 1,000 allow 5 bad ones; more than 80 % of those is a risk.
        (1000, 0, Status.OK, 1.0),
        (996, 4, Status.OK, 0.2),
        (995, 5, Status.AT_RISK, 0.0),
        (994, 6, Status.BREACH, -0.2),
        # 99.5 % of 5 allow none; four are too few to say anything.
        (4, 1, Status.BREACH, -39.0),
        (4, 0, Status.INSUFFICIENT_DATA, 1.0),
    ],
)
def test_a_share_is_judged_by_its_budget(
    acme: Client, send: Send, good: int, bad: int, status: Status, left: float
) -> None:
    send(good, bad)
    found = stands(acme)
    assert (found.status, found.budget_left) == (status, pytest.approx(left))
    assert found.attained == 100.0 * good / (good + bad)
    assert (found.required, found.burn) == (99.5, pytest.approx(1 - left))


@pytest.mark.parametrize(
    ("share", "bad", "kept"),
    [(99.9, 1, True), (99.9, 2, False), (99.7, 3, True), (98.6, 15, False)],
)
def test_binary_fractions_break_no_promise_that_is_just_kept(
    acme: Client, send: Send, share: float, bad: int, kept: bool
) -> None:
    Sla.objects.filter(code="simple_queries").update(availability=share)
    send(1000 - bad, bad)
    assert (stands(acme).status != Status.BREACH) is kept


def test_a_promise_of_100_percent_has_no_budget(acme: Client, send: Send) -> None:
    Sla.objects.filter(code="simple_queries").update(availability=100.0)
    send(99)
    kept = stands(acme)
    assert (kept.status, kept.budget_left, kept.burn) == (Status.OK, None, None)
    send(0, 1)
    assert stands(acme).status == Status.BREACH


def test_a_missed_internal_objective_is_a_risk_while_the_external_one_is_kept(
    acme: Client, send: Send
) -> None:
    sla = Sla.objects.get(code="simple_queries")
    Contract.objects.create(
        client=acme,
        sla=sla,
        valid_from=(NOW - 3 * DAY).date(),
        availability=95.0,
        internal_availability=99.0,
    )
    send(990, 10)
    assert stands(acme).status == Status.OK
    send(0, 1)
    found = stands(acme)
    assert (found.status, found.version.internal_share) == (Status.AT_RISK, 99.0)


def test_a_mean_rating_needs_enough_votes(acme: Client, make_rows: Any) -> None:
    # Promised: 4.5 of 5 by at least 10 votes.
    make_rows(acme, [100.0] * 9, timestamp=NOW - HOUR, user_satisfaction_score=4.5)
    found = stands(acme, SATISFACTION)
    assert (found.status, found.attained) == (Status.INSUFFICIENT_DATA, 4.5)
    make_rows(acme, [100.0], timestamp=NOW - HOUR, user_satisfaction_score=4.5)
    found = stands(acme, SATISFACTION)
    assert (found.status, found.required, found.budget_left) == (Status.OK, 4.5, None)
    make_rows(acme, [100.0], timestamp=NOW - HOUR, user_satisfaction_score=4.0)
    found = stands(acme, SATISFACTION)
    assert (found.status, found.attained) == (Status.BREACH, pytest.approx(49 / 11))


@pytest.mark.parametrize(
    ("aggregate", "values", "status", "attained"),
    [
        ("mean", [60.0] * 9 + [100.0], Status.OK, 64.0),
        ("mean", [71.0] * 10, Status.BREACH, 71.0),
        ("max", [60.0] * 9 + [70.0], Status.OK, 70.0),
        ("max", [60.0] * 9 + [70.5], Status.BREACH, 70.5),
        ("latest", [60.0] * 9 + [70.5], Status.BREACH, 70.5),
    ],
)
def test_a_limit_is_held_against_its_aggregate(
    platform: Client,
    make_rows: Any,
    aggregate: str,
    values: list[float],
    status: Status,
    attained: float,
) -> None:
    limit = ResourceLimit.objects.get(component="cognitive_core", name="max_cpu_usage")
    ResourceLimit.objects.filter(pk=limit.pk).update(aggregate=aggregate)
    make_rows(
        platform,
        values,
        timestamp=NOW - HOUR,
        metric_name=limit.metric_name,
        metric_category="system_health",
        measurement_unit=limit.unit,
        query_complexity=None,
    )
    found = stands(platform, "limit:cognitive_core:max_cpu_usage")
    assert (found.status, found.attained, found.budget_left) == (status, attained, None)


def test_a_minute_is_judged_by_the_version_in_force_then(acme: Client, send: Send) -> None:
    versions.sync(NOW - 3 * DAY)
    Sla.objects.filter(code="simple_queries").update(availability=90.0)
    versions.sync(NOW - DAY)
    send(99, 1, at=NOW - 2 * DAY)
    send(90, 10, at=NOW - HOUR)
    found = stands(acme, back=5 * DAY)
    # 0.5 bad ones allowed before the change, 10 after it.
    assert (found.sums.total, found.sums.good) == (200, 189)
    assert (found.status, found.required) == (Status.BREACH, 94.75)
    assert found.burn == pytest.approx(11 / 10.5)
    assert [one.version.share for one in found.segments] == [99.5, 90.0]


def test_an_exclusion_takes_its_minutes_out_and_the_gross_figures_keep_them(
    acme: Client, send: Send
) -> None:
    send(90, 10, at=NOW - 2 * HOUR)
    send(200, at=NOW - HOUR)
    before = stands(acme)
    entry = exclude(starts_at=NOW - 2 * HOUR, ends_at=NOW - 2 * HOUR + MINUTE)
    found = stands(acme)
    assert (found.status, found.attained, found.sums.total) == (Status.OK, 100.0, 200)
    assert (found.gross, found.gross_attained) == (before.sums, before.attained)
    entry.delete()
    assert stands(acme) == before
    assert before.status == Status.BREACH


def test_what_is_excluded_altogether_has_a_verdict_of_its_own(acme: Client, send: Send) -> None:
    send(90, 10)
    exclude(starts_at=NOW - HOUR, ends_at=NOW - HOUR + MINUTE)
    found = stands(acme)
    assert (found.status, found.attained, found.budget_left) == (Status.EXCLUDED, None, None)
    assert found.gross_attained == 90.0


def test_time_without_events_that_is_all_excluded_is_no_silence(acme: Client, send: Send) -> None:
    send(10, at=NOW - 5 * DAY)
    assert stands(acme).status == Status.NO_DATA
    exclude(starts_at=NOW - 2 * DAY, ends_at=NOW + DAY)
    assert stands(acme).status == Status.EXCLUDED
    # So far all of a span is excluded that goes on after the exclusion.
    assert stands(acme, back=4 * DAY, end=NOW + 3 * DAY).status == Status.EXCLUDED


def test_requests_outside_business_hours_do_not_count(acme: Client, send: Send) -> None:
    at = NOW - 2 * HOUR
    day = {"day": at.weekday(), "from": f"{at:%H}:00", "until": f"{at:%H}:59"}
    Contract.objects.create(
        client=acme,
        sla=Sla.objects.get(code="simple_queries"),
        valid_from=(NOW - 3 * DAY).date(),
        business_hours=[day],
    )
    send(10, at=at.replace(minute=30))
    send(0, 10, at=at.replace(minute=59))
    found = stands(acme)
    assert (found.status, found.sums.total, found.gross.total) == (Status.OK, 10, 20)


def test_what_never_reported_is_left_out_unless_asked_for(
    acme: Client, globex: Client, send: Send
) -> None:
    send(10)
    assert stands(acme).silent_since is None
    assert standings(globex, NOW - DAY, NOW, NOW) == []
    slo = Slo.objects.get(base=AVAILABILITY)
    (found,) = standings(globex, NOW - DAY, NOW, NOW, [slo])
    assert (found.status, found.silent_since) == (Status.INSUFFICIENT_DATA, None)


def test_what_used_to_report_has_no_data_since_its_last_event(acme: Client, send: Send) -> None:
    send(10, at=NOW - 3 * DAY)
    found = stands(acme)
    assert (found.status, found.silent_since) == (Status.NO_DATA, NOW - 3 * DAY)
    assert found.attained is None


def test_what_came_later_ends_no_silence_before_it(acme: Client, send: Send) -> None:
    send(10, at=NOW - 9 * DAY)
    send(10, at=NOW - HOUR)
    found = stands(acme, end=NOW - 5 * DAY)
    assert (found.status, found.silent_since) == (Status.NO_DATA, NOW - 9 * DAY)


def test_the_last_event_is_known_from_its_hour_when_minutes_are_gone(
    acme: Client, send: Send
) -> None:
    at = NOW - 3 * DAY
    send(10, at=at)
    stands(acme)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sli_minutes")
    assert stands(acme).silent_since == at.replace(minute=0)


@pytest.mark.parametrize(
    ("fields", "silent"),
    [
        ({}, True),
        ({"muted": True}, False),
        ({"silent_after_seconds": 7200}, False),
        ({"component": "user_interface"}, False),
        ({"last_seen_at": NOW - 5 * MINUTE}, False),
    ],
)
def test_a_promise_with_events_is_silent_when_its_services_are(
    acme: Client, send: Send, fields: dict[str, Any], silent: bool
) -> None:
    send(10)
    last = NOW - HOUR + 5 * MINUTE
    values = {"component": "cognitive_core", "last_seen_at": last, **fields}
    Emitter.objects.filter(client=acme).delete()
    Emitter.objects.create(client=acme, service_name="tests", **values)
    found = stands(acme)
    assert (found.status, found.silent_since) == (Status.OK, last if silent else None)
    # Of a span that is over, today's silence says nothing.
    assert stands(acme, end=NOW - 10 * MINUTE).silent_since is None


def test_one_service_that_reports_ends_the_silence_of_its_component(
    acme: Client, send: Send
) -> None:
    send(10)
    Emitter.objects.filter(client=acme).delete()
    for name, at in (("one", NOW - HOUR), ("two", NOW)):
        Emitter.objects.create(
            client=acme, component="cognitive_core", service_name=name, last_seen_at=at
        )
    assert stands(acme).silent_since is None


def test_another_clients_events_never_count(acme: Client, globex: Client, send: Send) -> None:
    send(10)
    stands(acme)
    assert standings(globex, NOW - DAY, NOW, NOW) == []


def test_the_number_of_queries_does_not_grow_with_the_promises(
    acme: Client, send: Send, django_assert_max_num_queries: Any
) -> None:
    send(10)
    for number in range(10):
        ModelTarget.objects.create(
            model_name=f"m{number}",
            inference_time=100,
            accuracy_threshold=0.5,
            accuracy_metric="f1",
            business_accuracy=0.5,
            training_time=10,
            model_size_limit=10,
            user_satisfaction=4,
        )
    stands(acme)
    exclude(starts_at=NOW - 2 * HOUR, ends_at=NOW - 2 * HOUR + MINUTE)
    with django_assert_max_num_queries(8):
        standings(acme, NOW - DAY, NOW, NOW, list(Slo.objects.all()))
