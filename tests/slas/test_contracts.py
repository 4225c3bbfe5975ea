"""A client's own contract: when it holds, what it promises, what a missed promise costs."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Client
from metrics import rollups
from slas import contracts, evaluating, known_versions, objectives, periods, slis, versions
from slas.compliance import Finding
from slas.models import Contract, Sla, SliHour, SliMinute, SloVersion
from slas.objectives import Objective
from slas.standing import Standing, Status, standings

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(second=0, microsecond=0)
TODAY = NOW.date()
DAY = timedelta(days=1)
AVAILABILITY, LATENCY = "sla:simple_queries:availability", "sla:simple_queries:latency"
Make = Callable[..., Contract]


@pytest.fixture
def contract(acme: Client) -> Make:
    """Make a contract of Acme on simple queries, from five days ago on."""

    def make(**fields: Any) -> Contract:
        made = Contract(
            **{
                "client": acme,
                "sla": Sla.objects.get(code="simple_queries"),
                "valid_from": TODAY - 5 * DAY,
                **fields,
            }
        )
        made.full_clean()
        made.save()
        return made

    return make


def counted(now: datetime = NOW) -> None:
    versions.sync(now)
    rollups.roll_up_all()
    slis.count_all()


def own(client: Client) -> list[SloVersion]:
    found = SloVersion.objects.filter(slo__client=client, slo__base=AVAILABILITY)
    return list(found.order_by("valid_from"))


def judged_by(client: Client) -> set[tuple[str, bool]]:
    """Which objectives have minutes of the client, and whether they are its own."""
    found = SliMinute.objects.filter(client=client).values_list("slo__base", "slo__client")
    return {(base, owner is not None) for base, owner in found}


def stands(client: Client, base: str = AVAILABILITY) -> Standing:
    found = standings(client, NOW - 10 * DAY, NOW + DAY, NOW)
    return next(one for one in found if one.slo.base == base)


def test_two_clients_on_the_same_traffic_get_their_own_verdicts(
    acme: Client, globex: Client, contract: Make, make_rows: Any
) -> None:
    # 1,000 requests each, 8 of them failed: 99.2 %. The SLA asks 99.5 %, Acme's contract 99 %.
    contract(availability=99.0)
    for client in (acme, globex):
        make_rows(client, [100.0] * 992, timestamp=NOW - DAY)
        make_rows(client, [100.0] * 8, timestamp=NOW - DAY, success=False)
    counted()
    kept, missed = stands(acme), stands(globex)
    assert (kept.attained, missed.attained) == (99.2, 99.2)
    # 8 of the 10 that 99 % allows, 8 of the 5 that 99.5 % allows.
    assert (kept.status, kept.budget_left) == (Status.OK, pytest.approx(0.2))
    assert (missed.status, missed.burn) == (Status.BREACH, pytest.approx(1.6))
    assert judged_by(acme) >= {(AVAILABILITY, True), (LATENCY, True)}
    assert (AVAILABILITY, False) not in judged_by(acme)
    assert judged_by(globex) >= {(AVAILABILITY, False), (LATENCY, False)}


def test_credits_worked_by_hand_for_two_clients_over_a_month(
    acme: Client, globex: Client, contract: Make, make_rows: Any
) -> None:
    """Acme: < 99 % → 10 %, < 95 % → 25 % of 8,000 EUR. Globex: < 99.9 % → 5 % of 1,999.99 USD."""
    steps = [{"below": 99.0, "percent": 10.0}, {"below": 95.0, "percent": 25.0}]
    first = contract(
        valid_from=TODAY - 40 * DAY, credit_terms=steps, monthly_fee=Decimal("8000.00")
    )
    second = contract(
        client=globex,
        valid_from=TODAY - 40 * DAY,
        credit_terms=[{"below": 99.9, "percent": 5.0}],
        monthly_fee=Decimal("1999.99"),
        currency="USD",
    )
    for client in (acme, globex):
        # 19 of 20 within 6 s: 95 %, which is not below 95 %.
        make_rows(client, [100.0] * 19, timestamp=NOW - timedelta(minutes=1))
        make_rows(client, [6000.5], timestamp=NOW - timedelta(minutes=1))
    counted()
    month = periods.month(NOW - timedelta(minutes=1), "UTC")
    due = {}
    for one in (first, second):
        stand = next(
            found
            for found in standings(one.client, month.start, month.end, NOW)
            if found.slo.base == AVAILABILITY
        )
        assert (stand.attained, stand.version.contract) == (95.0, one)
        attained = stand.attained
        due[one.client.code] = (
            contracts.credits(one, attained),
            contracts.credit_amount(one, attained),
        )
    # 5 % of 1,999.99 is 99.9995: to the cent, 100.00.
    assert due == {"acme": (10.0, Decimal("800.00")), "globex": (5.0, Decimal("100.00"))}


@pytest.mark.parametrize(
    ("attained", "percent"),
    [(100.0, 0), (99.0, 0), (98.999, 10), (95.0, 10), (94.9, 25), (0.0, 25), (None, 0)],
)
def test_the_lowest_bound_that_was_missed_decides_the_credit(
    contract: Make, attained: float | None, percent: float
) -> None:
    steps = [{"below": 99.0, "percent": 10.0}, {"below": 95.0, "percent": 25.0}]
    made = contract(credit_terms=steps)
    assert contracts.credits(made, attained) == percent
    assert contracts.credit_amount(made, attained) is None


def test_what_a_contract_leaves_open_is_as_in_the_sla(contract: Make, acme: Client) -> None:
    contract(target_response_time=2000)
    versions.sync(NOW)
    found = contracts.in_force(acme.pk, NOW)
    assert (found[LATENCY].threshold, found[LATENCY].share) == (2000, 95)
    assert found[AVAILABILITY].share == 99.5
    Sla.objects.filter(code="simple_queries").update(availability=98.0)
    versions.sync(NOW)
    assert contracts.in_force(acme.pk, NOW + timedelta(minutes=1))[AVAILABILITY].share == 98.0


def test_a_contract_entered_late_judges_its_days_from_its_start(
    acme: Client, contract: Make, make_rows: Any
) -> None:
    for days in (7, 3):
        make_rows(acme, [100.0], timestamp=NOW - days * DAY)
    counted()
    assert (AVAILABILITY, True) not in judged_by(acme)
    contract()
    counted()
    by_day = {
        minute.date(): owner
        for minute, owner in SliMinute.objects.filter(
            client=acme, slo__base=AVAILABILITY
        ).values_list("minute", "slo__client")
    }
    assert by_day == {TODAY - 7 * DAY: None, TODAY - 3 * DAY: acme.pk}


def test_a_contract_begins_and_ends_at_the_clients_midnight(
    acme: Client, contract: Make, make_rows: Any
) -> None:
    acme.time_zone = "America/New_York"
    acme.save()
    made = contract(valid_until=TODAY - 2 * DAY)
    versions.sync(NOW)
    start = periods.midnight(TODAY - 5 * DAY, acme.time_zone)
    end = periods.midnight(TODAY - DAY, acme.time_zone)
    assert contracts.span(made) == (start, end)
    # Over when it was entered: it begins and ends at once.
    assert [(one.valid_from, one.valid_until) for one in own(acme)] == [(start, end)]
    for at in (start, end - timedelta(minutes=1), end):
        make_rows(acme, [100.0], timestamp=at)
    make_rows(acme, [100.0], timestamp=start - timedelta(minutes=1))
    counted()
    parts = [
        one for one in standings(acme, NOW - 10 * DAY, NOW, NOW) if one.slo.base == AVAILABILITY
    ]
    assert {one.slo.client_id: one.sums.total for one in parts} == {acme.pk: 2, None: 2}


def test_days_older_than_the_rows_stay_as_they_were_judged(acme: Client, contract: Make) -> None:
    contract(valid_from=TODAY - 100 * DAY)
    versions.sync(NOW)
    assert [one.valid_from for one in own(acme)] == [slis.kept_since(NOW)]


def test_a_changed_contract_gets_a_new_version_with_the_next_minute(
    acme: Client, contract: Make
) -> None:
    made = contract(availability=99.0)
    versions.sync(NOW)
    made.availability = 98.0
    made.save()
    versions.sync(NOW, reason="Amendment 1.")
    old, new = own(acme)
    assert (old.share, old.valid_until) == (99.0, NOW + timedelta(minutes=1))
    assert (new.share, new.valid_from, new.reason) == (98.0, old.valid_until, "Amendment 1.")
    assert versions.sync(NOW) == 0


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"valid_until": TODAY - 4 * DAY}, {TODAY - 4 * DAY}),
        ({"valid_from": TODAY - 3 * DAY}, {TODAY - 2 * DAY}),
        ({"valid_from": TODAY - 7 * DAY}, {TODAY - n * DAY for n in (6, 4, 2)}),
        ({"valid_from": TODAY + 3 * DAY}, set()),
        ({"withdrawn": True}, set()),
    ],
)
def test_other_days_of_a_contract_restore_the_defaults_minutes_exactly(
    acme: Client, contract: Make, make_rows: Any, change: dict[str, Any], left: set[date]
) -> None:
    days = (6, 4, 2)
    for day in days:
        make_rows(acme, [100.0, 4000.0, 9000.0], timestamp=NOW - day * DAY)
    counted()
    before = figures(acme)
    made = contract()
    counted()
    for name, value in change.items():
        setattr(made, name, value)
    made.save()
    counted()
    found = SliMinute.objects.filter(client=acme, slo__client=acme, slo__base=AVAILABILITY)
    assert {one.minute.date() for one in found} == left
    assert figures(acme) == before
    assert SliHour.objects.filter(slo__client=acme, slo__base=AVAILABILITY).count() == len(left)
    assert versions.sync(NOW) == 0


def figures(client: Client) -> list[tuple[Any, ...]]:
    """What was counted for availability, by whichever objective."""
    minutes = SliMinute.objects.filter(client=client, slo__base=AVAILABILITY)
    return sorted(minutes.values_list("minute", "good", "total", "value_sum", "value_max"))


def test_a_contract_of_the_future_waits_for_its_first_day(acme: Client, contract: Make) -> None:
    contract(valid_from=TODAY + 2 * DAY)
    versions.sync(NOW)
    assert own(acme) == []
    start = datetime.combine(TODAY + 2 * DAY, datetime.min.time(), UTC)
    versions.sync(start + timedelta(seconds=3))
    assert [one.valid_from for one in own(acme)] == [start]


def test_one_contract_follows_another_without_a_gap(acme: Client, contract: Make) -> None:
    contract(valid_until=TODAY - DAY, availability=99.0)
    contract(valid_from=TODAY, availability=99.9)
    versions.sync(NOW)
    old, new = own(acme)
    assert (old.share, new.share) == (99.0, 99.9)
    assert (old.valid_until, new.valid_until) == (new.valid_from, None)
    assert new.reason == versions.FIRST


def test_a_disabled_sla_ends_its_contracts_objectives(acme: Client, contract: Make) -> None:
    contract()
    versions.sync(NOW)
    Sla.objects.filter(code="simple_queries").update(enabled=False)
    versions.sync(NOW)
    assert [one.valid_until for one in own(acme)] == [NOW + timedelta(minutes=1)]


def test_two_contracts_of_a_client_and_sla_never_overlap(
    acme: Client, globex: Client, contract: Make
) -> None:
    first = contract(valid_until=TODAY)
    with pytest.raises(ValidationError, match="Another contract of this client"):
        contract(valid_from=TODAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Contract.objects.create(client=acme, sla=first.sla, valid_from=TODAY)
    contract(valid_from=TODAY + DAY)
    contract(client=globex)
    contract(sla=Sla.objects.get(code="moderate_queries"))
    first.withdrawn = True
    first.save()
    contract(valid_until=TODAY)


@pytest.mark.parametrize(
    ("field", "fields", "message"),
    [
        ("internal_availability", {"internal_availability": 99.4}, "promised 99.5 %"),
        (
            "internal_availability",
            {"availability": 99.9, "internal_availability": 99.8},
            "promised 99.9 %",
        ),
        ("internal_latency_share", {"internal_latency_share": 94}, "promised 95 %"),
        ("target_response_time", {"target_response_time": 7000}, "exceeds the maximum"),
        ("max_response_time", {"max_response_time": 2000}, "exceeds the maximum"),
        ("max_response_time", {"max_response_time": 90_000}, "at most 75000 ms"),
        ("availability", {"availability": 101}, "less than or equal to 100"),
        ("currency", {"currency": "eur"}, "ISO 4217"),
        ("credit_terms", {"credit_terms": {"below": 99}}, "a list of"),
        ("credit_terms", {"credit_terms": [{"below": 99}]}, "a list of"),
        ("credit_terms", {"credit_terms": [{"below": 0, "percent": 10}]}, "above 0"),
        (
            "credit_terms",
            {"credit_terms": [{"below": 95, "percent": 10}, {"below": 99, "percent": 25}]},
            "begin with the highest",
        ),
        (
            "credit_terms",
            {"credit_terms": [{"below": 99, "percent": 10}, {"below": 95, "percent": 10}]},
            "a worse month must be credited more",
        ),
        (
            "business_hours",
            {"business_hours": [{"day": 7, "from": "08:00", "until": "9"}]},
            "no day",
        ),
        (
            "business_hours",
            {"business_hours": [{"day": 0, "from": "22:00", "until": "06:00"}]},
            "split it at midnight",
        ),
    ],
)
def test_terms_that_contradict_are_refused_on_their_field(
    contract: Make, field: str, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        contract(**fields)
    assert message in str(refused.value.message_dict[field])


def test_the_last_day_never_comes_before_the_first(contract: Make) -> None:
    with pytest.raises(ValidationError, match="last day"):
        contract(valid_until=TODAY - 6 * DAY)


def test_an_internal_objective_that_the_sla_overtook_is_none(acme: Client, contract: Make) -> None:
    contract(internal_availability=99.7)
    versions.sync(NOW)
    assert [one.internal_share for one in own(acme)] == [99.7]
    Sla.objects.filter(code="simple_queries").update(availability=99.8)
    versions.sync(NOW)
    assert [one.internal_share for one in own(acme)] == [99.7, None]


@pytest.mark.parametrize(
    ("zone", "day", "closed_for"),
    [
        # Open 01:00 to 04:00 by the wall clock: 2 h where the clocks go forward, 4 h back.
        ("Europe/Berlin", date(2026, 3, 29), 23 - 2),
        ("Europe/Berlin", date(2026, 10, 25), 25 - 4),
        ("America/New_York", date(2026, 3, 8), 23 - 2),
        ("America/New_York", date(2026, 11, 1), 25 - 4),
        ("Europe/Berlin", date(2026, 7, 5), 24 - 3),
        # A Monday: closed all day.
        ("Europe/Berlin", date(2026, 7, 6), 24),
    ],
)
def test_closed_hours_follow_the_wall_clock(zone: str, day: date, closed_for: int) -> None:
    hours = [{"day": 6, "from": "01:00", "until": "04:00"}]
    start, end = periods.midnight(day, zone), periods.midnight(day + DAY, zone)
    spans = contracts.closed(hours, zone, start, end)
    assert sum((b - a for a, b in spans), timedelta(0)) == timedelta(hours=closed_for)


def test_hours_up_to_midnight_leave_no_gap_to_the_next_day() -> None:
    hours = [{"day": day, "from": "00:00", "until": "24:00"} for day in range(7)]
    start = datetime(2026, 3, 1, tzinfo=UTC)
    assert contracts.closed(hours, "Europe/Berlin", start, start + 60 * DAY) == []


def test_closed_hours_end_with_the_contract(contract: Make) -> None:
    made = contract(
        valid_until=TODAY - 4 * DAY,
        business_hours=[{"day": day, "from": "08:00", "until": "18:00"} for day in range(7)],
    )
    spans = contracts.closed_hours(made, NOW - 30 * DAY, NOW)
    first, last = contracts.span(made)
    assert (spans[0][0], spans[-1][1]) == (first, last)
    assert len(spans) == 3


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_syncs_at_once_begin_a_contract_once(contract: Make, acme: Client) -> None:
    contract(availability=99.0)
    barrier = threading.Barrier(4)

    def sync() -> int:
        try:
            barrier.wait(timeout=10)
            return versions.sync(NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        done = [future.result() for future in [pool.submit(sync) for _ in range(4)]]
    assert sorted(map(bool, done)) == [False, False, False, True]
    assert [one.share for one in own(acme)] == [99.0]


def judged(promised: list[Objective], now: datetime) -> list[Finding]:
    """What is found once everything is counted."""
    evaluating.refresh(now)
    return evaluating.evaluate(promised, now)


def test_alerts_hold_a_client_to_its_contract_and_others_to_the_sla(
    contract: Make, acme: Client, make_rows: Callable[..., Any]
) -> None:
    other = Client.objects.create(code="other", name="Other")
    for client in (acme, other):
        make_rows(client, [100.0] * 960, timestamp=NOW)
        make_rows(client, [100.0] * 40, timestamp=NOW, success=False)
    contract(availability=95.0)
    promised = objectives.of_sla(Sla.objects.get(code="simple_queries"))
    found = {
        one.client_id: (one.objective.threshold, one.status)
        for one in judged(promised, NOW + timedelta(seconds=1))
        if one.objective.key == AVAILABILITY
    }
    assert found == {acme.pk: (95.0, "ok"), other.pk: (99.5, "breach")}


def test_alerts_hold_a_client_to_its_stricter_internal_objective(
    contract: Make, acme: Client, make_rows: Callable[..., Any]
) -> None:
    make_rows(acme, [100.0] * 96, timestamp=NOW)
    make_rows(acme, [100.0] * 4, timestamp=NOW, success=False)
    contract(availability=95.0, internal_availability=97.0)
    promised = objectives.of_sla(Sla.objects.get(code="simple_queries"))
    (found,) = [
        one
        for one in judged(promised, NOW + timedelta(seconds=1))
        if one.objective.key == AVAILABILITY
    ]
    assert (found.objective.threshold, found.status) == (97.0, "at_risk")


def test_a_version_that_is_kept_is_read_again_once_it_was_written(
    acme: Client, django_assert_num_queries: Any
) -> None:
    versions.sync(timezone.now())
    asked = SloVersion.objects.filter(slo__client=None).order_by("pk")
    first = known_versions.read(asked)
    with django_assert_num_queries(1):
        assert known_versions.read(asked) == first
    asked.filter(pk=first[0].pk).update(reason="Changed.")
    again = known_versions.read(asked)
    assert (again[0].reason, again[1:]) == ("Changed.", first[1:])
