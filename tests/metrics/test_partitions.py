"""Daily partitions: made ahead, dropped after retention, the default one emptied."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Client
from metrics import partitions
from metrics.models import PerformanceMetric

pytestmark = pytest.mark.django_db

TODAY = date(2031, 3, 10)
NOON = datetime(2031, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def rows_in(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
        return int(cursor.fetchone()[0])


def test_it_makes_a_partition_for_each_day_kept_and_three_ahead(settings: Any) -> None:
    settings.ROW_RETENTION_DAYS = 5
    partitions.maintain(TODAY)
    assert sorted(partitions.existing()) == [TODAY + n * DAY for n in range(-5, 4)]


def test_it_does_nothing_the_second_time() -> None:
    assert partitions.maintain(TODAY)["made"]
    assert partitions.maintain(TODAY) == {"made": [], "dropped": []}


def test_it_makes_one_and_drops_one_the_next_day() -> None:
    partitions.maintain(TODAY)
    assert partitions.maintain(TODAY + DAY) == {
        "made": ["ai_performance_metrics_20310314"],
        "dropped": ["ai_performance_metrics_20310224"],
    }


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_partition_that_has_doubled_is_analyzed(make_rows: Any, acme: Client) -> None:
    partitions.maintain()
    today = partitions.name_of(datetime.now(UTC).date())

    def is_analyzed_after(number: int) -> bool:
        make_rows(acme, [1.0] * number, timestamp=datetime.now(UTC))
        with connection.cursor() as cursor:
            # What was written is counted for all to see when a transaction ends, if told so.
            cursor.execute("SELECT pg_stat_force_next_flush()")
        # Other tests have written to other partitions.
        return today in partitions.analyze_grown()

    with connection.cursor() as cursor:
        # And to this one.
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(f"ANALYZE {today}")
    assert not is_analyzed_after(partitions.FEW_ROWS)
    assert is_analyzed_after(1)
    assert not is_analyzed_after(partitions.FEW_ROWS)
    assert is_analyzed_after(2)


def test_it_starts_with_today() -> None:
    partitions.maintain()
    assert datetime.now(UTC).date() in partitions.existing()


def test_rows_go_to_the_partition_of_their_day(make_rows: Any, acme: Client) -> None:
    partitions.maintain(TODAY)
    midnight = datetime(2031, 3, 10, tzinfo=UTC)
    for moment in (midnight, midnight + DAY - timedelta(microseconds=1), midnight + DAY):
        make_rows(acme, [1.0], timestamp=moment)
    assert rows_in(partitions.name_of(TODAY)) == 2
    assert rows_in(partitions.name_of(TODAY + DAY)) == 1


def test_it_moves_rows_from_the_default_partition_to_their_day(
    make_rows: Any, acme: Client
) -> None:
    make_rows(acme, [1.0, 2.0], timestamp=NOON, metadata={"kept": True})
    before = [*PerformanceMetric.objects.order_by("id").values()]
    assert rows_in(partitions.DEFAULT) == 2
    partitions.maintain(TODAY)
    assert (rows_in(partitions.DEFAULT), rows_in(partitions.name_of(TODAY))) == (0, 2)
    assert [*PerformanceMetric.objects.order_by("id").values()] == before


def test_it_drops_rows_older_than_all_that_is_kept(make_rows: Any, acme: Client) -> None:
    make_rows(acme, [1.0], timestamp=NOON - 30 * DAY)
    make_rows(acme, [2.0], timestamp=NOON + 30 * DAY)
    partitions.maintain(TODAY)
    assert [row.metric_value for row in PerformanceMetric.objects.all()] == [2.0]
    assert rows_in(partitions.DEFAULT) == 1  # ahead of all partitions: it waits for its day


def test_dropping_a_day_takes_its_rows(make_rows: Any, acme: Client, settings: Any) -> None:
    partitions.maintain(TODAY)
    make_rows(acme, [1.0], timestamp=NOON)
    partitions.maintain(TODAY + DAY * (settings.ROW_RETENTION_DAYS + 1))
    assert not PerformanceMetric.objects.exists()


def test_ids_stay_unique_over_partitions(make_rows: Any, acme: Client) -> None:
    partitions.maintain(TODAY)
    for day in range(3):
        make_rows(acme, [1.0, 1.0], timestamp=NOON - day * DAY)
    ids = PerformanceMetric.objects.values_list("id", flat=True)
    assert len(set(ids)) == 6


def test_a_day_is_read_from_its_partition_alone() -> None:
    partitions.maintain(TODAY)
    rows = PerformanceMetric.objects.filter(timestamp__gte=NOON, timestamp__lt=NOON + DAY / 4)
    plan = rows.explain()
    assert partitions.name_of(TODAY) in plan
    assert partitions.name_of(TODAY - DAY) not in plan


def test_a_partition_has_the_indexes_of_the_table() -> None:
    partitions.maintain(TODAY)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_indexes WHERE tablename = %s", [partitions.name_of(TODAY)]
        )
        of_partition = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE tablename = %s", [partitions.TABLE])
        assert of_partition == cursor.fetchone()[0]
