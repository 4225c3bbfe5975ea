"""The exclusion ledger: what it takes out, who may agree to it, and that it restores exactly."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Client, User
from accounts.roles import ADMINISTRATOR, RESPONDER, SLA_MANAGER, VIEWER
from metrics import rollups
from slas import exclusions, slis, versions, windows
from slas.exclusions import Refused
from slas.models import Exclusion, ResourceLimit, Sla, Slo

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Make = Callable[..., Exclusion]


@pytest.fixture
def slo(db: None) -> Slo:
    """The latency of simple queries."""
    Sla.objects.create(
        code="simple",
        description="d",
        metric_name="conversational_query_response_time",
        component="cognitive_core",
        query_complexity="simple",
        target_response_time=3000,
        max_response_time=6000,
        availability=99.0,
    )
    versions.sync(timezone.now())
    return Slo.objects.get(base="sla:simple:latency")


@pytest.fixture
def rita(make_user: Callable[..., User]) -> User:
    return make_user(RESPONDER, username="rita")


@pytest.fixture
def sam(make_user: Callable[..., User]) -> User:
    return make_user(SLA_MANAGER, username="sam")


@pytest.fixture
def ask(rita: User) -> Make:
    """Request an exclusion of noon to one: ``ask(client=acme)``."""

    def make(**fields: Any) -> Exclusion:
        defaults: dict[str, Any] = {
            "starts_at": NOON,
            "ends_at": NOON + HOUR,
            "category": Exclusion.Category.MAINTENANCE,
            "reason": "The database moves.",
            "requested_by": rita,
        }
        if fields.get("rrule"):
            defaults |= {"ends_at": None, "duration_minutes": 60, "zone": "UTC"}
        return Exclusion.objects.create(**{**defaults, **fields})

    return make


@pytest.fixture
def agree(ask: Make, sam: User) -> Make:
    """Request one and have it approved."""

    def make(**fields: Any) -> Exclusion:
        return exclusions.approve(ask(**fields).pk, acting_user=sam)

    return make


def spans(client: Client, slo: Slo, start: datetime = NOON - HOUR, hours: int = 3) -> list[Any]:
    return exclusions.spans(client.pk, slo, start, start + hours * HOUR)


# --- What it takes out ----------------------------------------------------------------


def test_only_an_approved_exclusion_takes_time_out(
    acme: Client, slo: Slo, ask: Make, sam: User
) -> None:
    entry = ask()
    assert spans(acme, slo) == []
    exclusions.approve(entry.pk, acting_user=sam)
    assert spans(acme, slo) == [(NOON, NOON + HOUR)]
    exclusions.withdraw(entry.pk, acting_user=sam)
    assert spans(acme, slo) == []


def test_a_rejected_one_takes_nothing_out(acme: Client, slo: Slo, ask: Make, sam: User) -> None:
    exclusions.reject(ask().pk, acting_user=sam, note="No.")
    assert spans(acme, slo) == []


def test_overlapping_and_touching_ones_are_one_span_cut_to_what_is_asked(
    acme: Client, slo: Slo, agree: Make
) -> None:
    agree(starts_at=NOON - 5 * HOUR, ends_at=NOON)
    agree()
    agree(starts_at=NOON + HOUR / 2, ends_at=NOON + 9 * HOUR)
    assert spans(acme, slo) == [(NOON - HOUR, NOON + 2 * HOUR)]


@pytest.mark.parametrize(
    ("scope", "hit"),
    [
        ({}, True),
        ({"component": "cognitive_core"}, True),
        ({"component": "nervous_system"}, False),
        ({"objective": "sla:simple:latency"}, True),
        ({"objective": "sla:simple:availability"}, False),
        ({"objective": "sla:simple:latency", "component": "nervous_system"}, False),
    ],
)
def test_it_reaches_as_far_as_its_scope(
    acme: Client, slo: Slo, agree: Make, scope: dict[str, str], hit: bool
) -> None:
    agree(**scope)
    assert bool(spans(acme, slo)) is hit


def test_it_holds_for_its_client_alone(acme: Client, globex: Client, slo: Slo, agree: Make) -> None:
    agree(client=acme)
    assert spans(acme, slo) == [(NOON, NOON + HOUR)]
    assert spans(globex, slo) == []


def test_a_component_is_the_one_that_the_promise_was_on_then(
    acme: Client, slo: Slo, agree: Make
) -> None:
    moved = NOON + HOUR / 2
    slo.versions.update(valid_from=NOON - HOUR)
    versions.sync(moved - timedelta(minutes=1))
    Sla.objects.update(component="nervous_system")
    versions.sync(moved - timedelta(minutes=1), reason="It moved.")
    agree(component="nervous_system")
    assert spans(acme, slo) == [(moved, NOON + HOUR)]


def test_a_repeated_one_follows_the_clock_of_its_zone_through_daylight_saving(
    acme: Client, slo: Slo, agree: Make
) -> None:
    # Berlin goes from UTC+1 to UTC+2 on Sunday 29 March 2026.
    agree(
        starts_at=datetime(2026, 3, 21, 21, tzinfo=UTC),  # Saturday 22:00 in Berlin
        rrule="FREQ=WEEKLY;BYDAY=SA",
        zone="Europe/Berlin",
        duration_minutes=12 * 60,
    )
    march = datetime(2026, 3, 1, tzinfo=UTC)
    found = spans(acme, slo, march, 24 * 45)
    assert [(since.strftime("%d %H"), until - since) for since, until in found] == [
        ("21 21", 12 * HOUR),
        ("28 21", 11 * HOUR),  # to 10:00 in Berlin, which comes an hour sooner
        ("04 20", 12 * HOUR),
        ("11 20", 12 * HOUR),
    ]


def test_one_that_began_before_the_span_reaches_into_it(
    acme: Client, slo: Slo, agree: Make
) -> None:
    agree(starts_at=NOON - 48 * HOUR, rrule="FREQ=DAILY", duration_minutes=90)
    half = NOON + HOUR / 2
    assert spans(acme, slo, half, 2) == [(half, NOON + 1.5 * HOUR)]


def test_occurrences_are_bounded_by_the_days_asked_for(acme: Client, slo: Slo, agree: Make) -> None:
    agree(starts_at=datetime(2000, 1, 1, tzinfo=UTC), rrule="FREQ=DAILY", duration_minutes=1)
    agree(starts_at=NOON, rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", duration_minutes=1)
    assert len(spans(acme, slo, NOON, 24 * 90)) == 90


def test_several_objectives_take_a_bounded_number_of_queries(
    acme: Client, slo: Slo, agree: Make, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        agree(component="cognitive_core")
    slos = list(Slo.objects.filter(base__startswith="sla:simple:"))
    with django_assert_num_queries(2):
        found = exclusions.spans_of(acme.pk, slos, NOON, NOON + HOUR)
    assert found == {one.pk: [(NOON, NOON + HOUR)] for one in slos}


# --- Exactly restored ---------------------------------------------------------------------


def test_withdrawing_an_exclusion_restores_the_figures_exactly(
    acme: Client, slo: Slo, ask: Make, sam: User, make_rows: Callable[..., Any]
) -> None:
    start = (timezone.now() - timedelta(hours=5)).replace(minute=0, second=0, microsecond=0)
    for minute in (0, 30, 59, 60, 61, 125):
        at = start + timedelta(minutes=minute, seconds=7)
        make_rows(acme, [100.0 + minute / 3, 9000.1], timestamp=at)
    rollups.roll_up_all()
    slis.count_all()
    entry = ask(starts_at=start + HOUR / 2, ends_at=start + timedelta(minutes=61))

    def figures() -> dict[int, windows.Sums]:
        out = spans(acme, slo, start, 3)
        return windows.sums(acme.pk, [slo.pk], start, start + 3 * HOUR, out)

    def stored() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM sli_minutes ORDER BY id")
            return cursor.fetchall()

    before, rows = figures(), stored()
    assert (before[slo.pk].good, before[slo.pk].total) == (6, 12)
    exclusions.approve(entry.pk, acting_user=sam)
    without = figures()[slo.pk]
    # Left: the minutes 0, 61 and 125.
    assert (without.good, without.total) == (3, 6)
    assert stored() == rows
    exclusions.withdraw(entry.pk, acting_user=sam)
    assert figures() == before
    assert stored() == rows


# --- Who agrees ------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [exclusions.approve, exclusions.reject])
def test_nobody_decides_on_their_own_request(
    ask: Make, sam: User, act: Callable[..., Exclusion]
) -> None:
    with pytest.raises(Refused, match="another person decides"):
        act(ask(requested_by=sam).pk, acting_user=sam)


def test_the_database_holds_four_eyes_too(ask: Make, rita: User) -> None:
    entry = ask()
    with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic():
        Exclusion.objects.filter(pk=entry.pk).update(
            status="approved", decided_by=rita, decided_at=NOON
        )


@pytest.mark.parametrize(
    ("role", "may"),
    [(VIEWER, False), (RESPONDER, False), (SLA_MANAGER, True), (ADMINISTRATOR, True)],
)
def test_deciding_is_for_sla_managers_and_administrators(
    ask: Make, make_user: Callable[..., User], role: str, may: bool
) -> None:
    entry, person = ask(), make_user(role)
    if may:
        assert exclusions.approve(entry.pk, acting_user=person).decided_by == person
    else:
        with pytest.raises(Refused, match="You may not decide"):
            exclusions.approve(entry.pk, acting_user=person)


def test_who_does_not_see_the_client_decides_nothing(
    acme: Client, globex: Client, ask: Make, make_user: Callable[..., User]
) -> None:
    outsider = make_user(SLA_MANAGER, clients=[globex])
    for entry in (ask(client=acme), ask()):  # acme's, and one for every client
        with pytest.raises(Refused, match="You may not decide"):
            exclusions.approve(entry.pk, acting_user=outsider)
        with pytest.raises(Refused, match="You may not withdraw"):
            exclusions.withdraw(entry.pk, acting_user=outsider)
    assert exclusions.approve(ask(client=globex).pk, acting_user=outsider).status == "approved"


def test_who_asked_may_take_it_back_and_the_approval_stays_on_record(
    ask: Make, rita: User, sam: User
) -> None:
    entry = exclusions.approve(ask().pk, acting_user=sam, note="Agreed by mail.")
    entry = exclusions.withdraw(entry.pk, acting_user=rita, note="It never took place.")
    assert (entry.status, entry.decided_by, entry.note) == ("withdrawn", sam, "Agreed by mail.")
    assert (entry.withdrawn_by, entry.withdrawal_note) == (rita, "It never took place.")


def test_another_responder_may_not_withdraw_it(ask: Make, make_user: Callable[..., User]) -> None:
    with pytest.raises(Refused, match="You may not withdraw"):
        exclusions.withdraw(ask().pk, acting_user=make_user(RESPONDER))


def test_what_is_decided_is_not_decided_again(ask: Make, sam: User) -> None:
    entry = exclusions.reject(ask().pk, acting_user=sam)
    with pytest.raises(Refused, match="is rejected by sam already"):
        exclusions.approve(entry.pk, acting_user=sam)
    with pytest.raises(Refused, match="is rejected by sam already"):
        exclusions.withdraw(entry.pk, acting_user=sam)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_approvers_at_once_one_wins(acme: Client, make_user: Callable[..., User]) -> None:
    asker = make_user(RESPONDER)
    people = [make_user(SLA_MANAGER, username=f"sam{number}") for number in range(4)]
    entry = Exclusion.objects.create(
        starts_at=NOON,
        ends_at=NOON + HOUR,
        category="maintenance",
        reason="r",
        requested_by=asker,
    )
    outcomes: list[str] = []
    gate = threading.Barrier(len(people))

    def decide(person: User) -> None:
        act = exclusions.approve if person.pk % 2 else exclusions.reject
        gate.wait()
        try:
            outcomes.append(str(act(entry.pk, acting_user=person).decided_by))
        except Refused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("refused") == 3
    entry.refresh_from_db()
    assert str(entry.decided_by) in outcomes


# --- What the database refuses -----------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"ends_at": None},
        {"ends_at": NOON},
        {"starts_at": NOON + timedelta(seconds=1)},
        {"ends_at": NOON + timedelta(minutes=1, microseconds=1)},
        {"zone": "UTC"},
        {"rrule": "FREQ=DAILY", "zone": ""},
        {"rrule": "FREQ=DAILY", "duration_minutes": None},
        {"rrule": "FREQ=DAILY", "ends_at": NOON + HOUR},
        {"status": "approved"},
        {"status": "lost"},
    ],
)
def test_the_database_refuses_what_makes_no_sense(ask: Make, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ask(**fields)


def test_a_limit_on_another_component_is_left_alone(acme: Client, agree: Make, slo: Slo) -> None:
    ResourceLimit.objects.create(
        component="nervous_system", name="cpu", metric_name="cpu", unit="percent", value=80
    )
    versions.sync(timezone.now())
    limit = Slo.objects.get(base="limit:nervous_system:cpu")
    agree(component="cognitive_core")
    assert spans(acme, limit) == []
