"""Streams counted while they come: repeats, late rows, changed promises, own objectives."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.forms import model_to_dict
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Client
from metrics import longer, rollups
from metrics.ingest.store import store
from metrics.models import ChangedMinute, PendingHour, PendingMinute
from slas import slis, versions
from slas.models import Sla, Slo, SloVersion
from tests.metrics import recount as rollup_recount
from tests.metrics.threads import at_once
from tests.slas import recount
from tests.slas.events import Event

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
BASE = (timezone.now() - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
MINUTE = timedelta(minutes=1)
METRIC = "conversational_query_response_time"
BASE_OF = "sla:simple_queries:latency"
MINUTES = [0, 1, 59, 60, 61, 125]
DAY_BEFORE = -1439
WAIT = 30.0

minutes = st.sampled_from(MINUTES)
drawn = st.fixed_dictionaries(
    {
        "client_id": st.booleans(),  # Acme's, or Globex's
        "at": st.tuples(
            st.sampled_from([*MINUTES, DAY_BEFORE]), st.sampled_from([0, 1, 59_999_999])
        ).map(lambda when: BASE + when[0] * MINUTE + timedelta(microseconds=when[1])),
        "value": st.sampled_from([10.0, 50.0, 3000.0, 3000.5, 20_000.0]),
        "metric": st.sampled_from([METRIC, METRIC, "embedding_generation_time"]),
        "success": st.sampled_from([True, True, False]),
        "complexity": st.sampled_from(["simple", "simple", None, "moderate"]),
        "stars": st.sampled_from([None, 1.0, 4.5]),
        "models": st.sampled_from([(), ("epic",)]),
        "event_id": st.booleans(),
    }
)
# Which of the drawn rows are in each batch: one that comes again is a repeat if it has an event_id.
places = st.lists(st.integers(0, 19), min_size=1, max_size=5)
batches = st.lists(places, min_size=4, max_size=8)
# When a client's own objective is in force, if it has one.
own_spans = st.one_of(st.none(), st.tuples(minutes, st.integers(1, 70)))


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pool=st.lists(drawn, min_size=1, max_size=20), sent=batches, edited=minutes, own=own_spans)
def test_streams_counted_while_they_come_and_promises_change_equal_a_recount(
    acme: Client,
    globex: Client,
    pool: list[dict[str, Any]],
    sent: list[list[int]],
    edited: int,
    own: tuple[int, int] | None,
) -> None:
    clear()
    versions.sync(BASE - timedelta(days=1))
    if own is not None:
        own_objective(acme, *own)
    rows = [made(one, number, acme, globex) for number, one in enumerate(pool)]
    events = [[rows[place % len(rows)] for place in batch] for batch in sent]
    half = len(events) // 2
    counted_meanwhile(events[:half])
    # What is counted by now may be judged by other numbers from here on.
    counted_meanwhile(events[half:], edit(edited))
    assert not PendingMinute.objects.exists()
    assert not ChangedMinute.objects.exists()
    assert not PendingHour.objects.exists()
    held = SloVersion.objects.select_related("slo")
    expected = recount.minutes((one for batch in events for one in batch), held)
    assert rollup_recount.stored() == rollup_recount.recount()
    assert recount.stored_minutes() == expected
    assert recount.stored_hours() == recount.hours(expected)
    assert recount.stored_days() == recount.days(expected)
    assert rollup_recount.stored_longer() == rollup_recount.recount_longer()


def test_a_minute_counted_before_its_promise_changed_is_counted_again(acme: Client) -> None:
    # By a clock that is ahead, rows come for minutes in which a change is yet to hold.
    versions.sync(BASE - timedelta(days=1))
    store([Event(acme.pk, BASE + 2 * MINUTE, value=50.0).row])
    rollups.roll_up_all()
    slis.count_all()
    edit(1)()
    slis.count_all()
    slo = Slo.objects.get(base=BASE_OF)
    assert recount.stored_minutes()[acme.pk, slo.pk, BASE + 2 * MINUTE] == (0, 1, 50.0, 50.0)


def test_an_objective_that_holds_from_ever_counts_what_came_before_it(acme: Client) -> None:
    store([Event(acme.pk, BASE, value=50.0).row])
    rollups.roll_up_all()
    slis.count_all()
    versions.sync(BASE + timedelta(hours=1))
    slis.count_all()
    slo = Slo.objects.get(base=BASE_OF)
    assert recount.stored_minutes()[acme.pk, slo.pk, BASE] == (1, 1, 50.0, 50.0)


def made(one: dict[str, Any], number: int, acme: Client, globex: Client) -> Event:
    client_id = acme.pk if one["client_id"] else globex.pk
    event_id = UUID(int=number) if one["event_id"] else None
    return Event(**{**one, "client_id": client_id, "event_id": event_id})


def counted_meanwhile(events: list[list[Event]], *others: Callable[[], None]) -> None:
    """Two write, two roll up and count; what they leave is counted in the end."""
    writing = {0: True, 1: True}
    writers = [lambda n=n: write(events[n::2], n, writing) for n in writing]
    at_once(*writers, *[lambda: work(writing)] * 2, *others)
    rollups.roll_up_all()
    slis.count_all()
    longer.roll_up_all(timezone.now())


def write(mine: list[list[Event]], number: int, writing: dict[int, bool]) -> None:
    try:
        for batch in mine:
            store([event.row for event in batch])
    finally:
        writing[number] = False


def work(writing: dict[int, bool]) -> None:
    """Roll up and count in small batches for as long as anyone writes."""
    while any(writing.values()):
        rollups.roll_up(batch=2)
        slis.count(hours=1)
        longer.roll_up(timezone.now(), batch=2)


def edit(minute: int) -> Callable[[], None]:
    """Change a promise from that minute on, in which rows may have come and been counted."""

    def change() -> None:
        Sla.objects.filter(code="simple_queries").update(target_response_time=20)
        versions.sync(BASE + minute * MINUTE, reason="Tests.")

    return change


def own_objective(client: Client, first: int, length: int) -> None:
    """Takes the place of the default one for this client, for a while."""
    default = SloVersion.objects.get(slo__base=BASE_OF)
    numbers = model_to_dict(default, exclude=["id", "slo", "changed_by", "contract"])
    start = BASE + first * MINUTE
    SloVersion.objects.create(
        slo=Slo.objects.create(base=BASE_OF, client=client),
        **{
            **numbers,
            "good_within": 15.0,
            "valid_from": start,
            "valid_until": start + length * MINUTE,
        },
    )


def clear() -> None:
    """Each example begins with nothing counted and nothing promised."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE ai_performance_metrics, minute_rollups, pending_minutes, changed_minutes, "
            "sli_minutes, sli_hours, sli_days, pending_hours, hour_rollups, day_rollups, "
            "metric_hours"
        )
    SloVersion.objects.all().delete()
    Slo.objects.all().delete()
    Sla.objects.filter(code="simple_queries").update(target_response_time=3000)


@pytest.fixture
def sync_under_way(db: None) -> Iterator[threading.Event]:
    """Another session in the middle of a change of promises; set the event to end it."""
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [slis.VERSIONS_LOCK])
                begun.set()
                end.wait(WAIT)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(WAIT)
    yield end
    end.set()
    thread.join(WAIT)


def test_a_count_waits_for_a_change_of_promises_to_be_committed(
    acme: Client, sync_under_way: threading.Event
) -> None:
    ChangedMinute.objects.create(client=acme, metric_name="gone", minute=BASE)
    done: list[int] = []
    counting = threading.Thread(target=lambda: (done.append(slis.count()), connection.close()))
    counting.start()
    wait_until_someone_waits()
    assert not done
    sync_under_way.set()
    counting.join(WAIT)
    assert done == [1]


def wait_until_someone_waits() -> None:
    deadline = timezone.now() + timedelta(seconds=WAIT)
    with connection.cursor() as cursor:
        while timezone.now() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


def test_counts_do_not_wait_for_each_other(acme: Client) -> None:
    for days in range(2):
        minute = BASE - timedelta(days=days)
        ChangedMinute.objects.create(client=acme, metric_name="gone", minute=minute)
    with transaction.atomic():
        assert slis.count(hours=1) == 1
        assert at_once(slis.count_all) == [1]


def test_a_count_says_what_it_left_to_another_of_the_same_day(acme: Client) -> None:
    ChangedMinute.objects.create(client=acme, metric_name="gone", minute=BASE)
    ours, others = slis.Changes(), slis.Changes()
    with transaction.atomic():
        assert slis.count(changes=ours) == 1
        assert at_once(lambda: slis.count(changes=others)) == [0]
    assert (ours.left, others.left) == (False, True)
