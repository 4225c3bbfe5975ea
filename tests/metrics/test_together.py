"""Several sessions at once: writers, roll-ups, upkeep, dispatchers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Client
from metrics import partitions, rollups
from metrics.models import MinuteRollup, PendingMinute, PerformanceMetric, Probe
from metrics.probes import dispatch
from tests.metrics.recount import recount, stored
from tests.metrics.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_roll_ups_that_race_writers_end_equal_to_a_recount(make_rows: Any, acme: Client) -> None:
    minute = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    writing = {"a": True, "b": True}

    def write(name: str) -> None:
        try:
            for number in range(40):
                moment = minute + timedelta(seconds=number % 3 * 60)
                make_rows(acme, [float(number + 1)] * 3, timestamp=moment)
        finally:
            writing[name] = False

    def roll_up() -> None:
        while any(writing.values()):
            rollups.roll_up(batch=2)

    at_once(lambda: write("a"), lambda: write("b"), *[roll_up] * 4)
    rollups.roll_up_all()
    assert PerformanceMetric.objects.count() == 240
    assert stored() == recount()
    assert not PendingMinute.objects.exists()
    assert MinuteRollup.objects.count() == 3


def test_a_minute_that_another_roll_up_holds_is_left_to_it(make_rows: Any, acme: Client) -> None:
    make_rows(acme, [1.0])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(rollups._CLAIMABLE.format(wanted="true"), [rollups.BATCH])
        assert at_once(rollups.roll_up) == [0]
    assert PendingMinute.objects.count() == 1
    assert rollups.roll_up() == 1


def test_a_due_probe_is_claimed_by_one_of_many_dispatchers(platform: Client) -> None:
    for number in range(20):
        Probe.objects.create(
            name=f"p{number}", kind="system_resources", component="nervous_system", client=platform
        )
    claimed = at_once(*[dispatch.claim_due] * 4)
    ids = [pk for claims in claimed for pk, _claim in claims]
    assert sorted(ids) == sorted(Probe.objects.values_list("pk", flat=True))


def drop_partitions_made_for(day: date) -> None:
    with connection.cursor() as cursor:
        for made in partitions.existing():
            if abs(made - day) < timedelta(days=60):
                cursor.execute(f"DROP TABLE {partitions.name_of(made)}")


def test_upkeep_moves_rows_while_writers_write(make_rows: Any, acme: Client) -> None:
    today = date(2033, 5, 10)
    noon = datetime(2033, 5, 10, 12, tzinfo=UTC)

    def write() -> None:
        for number in range(60):
            make_rows(acme, [1.0], timestamp=noon + timedelta(seconds=number))

    def read() -> None:
        for _ in range(60):
            PerformanceMetric.objects.filter(client=acme).count()

    try:
        made = at_once(
            lambda: partitions.maintain(today), lambda: partitions.maintain(today), write, read
        )[:2]
        assert sorted(len(done["made"]) for done in made) in ([0, 18], [18, 18])
        partitions.maintain(today)
        assert PerformanceMetric.objects.filter(client=acme).count() == 60
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {partitions.name_of(today)}")  # noqa: S608
            assert cursor.fetchone()[0] == 60
    finally:
        drop_partitions_made_for(today)
