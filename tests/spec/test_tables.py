"""Our tables against the specification's, out of the database's own catalogue."""

from dataclasses import asdict

import pytest
from django.db import connection

from accounts.models import Client, User
from alerts.models import Alert
from metrics.models import PerformanceBaseline
from tests.spec import catalogue, departures
from tests.spec.departures import METRICS, TABLES

OURS = "public"
INSERTED = (
    "metric_name",
    "metric_category",
    "baseline_value",
    "measurement_unit",
    "component",
    "test_conditions",
    "client_id",
    "active",
)


@pytest.mark.parametrize("table", TABLES)
def test_no_column_differs_but_for_a_stated_reason(specified: str, table: str) -> None:
    theirs, ours = catalogue.columns(specified, table), catalogue.columns(OURS, table)
    differing = {
        (table, name, aspect): (value, asdict(ours[name])[aspect])
        for name, column in theirs.items()
        for aspect, value in asdict(column).items()
        if name in ours and asdict(ours[name])[aspect] != value
    }
    stated = {key: pair for key, (*pair, _) in departures.COLUMNS.items() if key[0] == table}
    assert differing == {key: tuple(pair) for key, pair in stated.items()}


@pytest.mark.parametrize("table", TABLES)
def test_no_column_is_missing_and_each_added_one_is_stated(specified: str, table: str) -> None:
    theirs, ours = catalogue.columns(specified, table), catalogue.columns(OURS, table)
    added = {
        name: definition
        for (of, name), (definition, _why) in departures.ADDED_COLUMNS.items()
        if of == table
    }
    assert theirs.keys() - ours.keys() == set()
    assert {name: ours[name] for name in ours.keys() - theirs.keys()} == added


@pytest.mark.parametrize("table", TABLES)
def test_the_indexes_are_the_specified_ones_and_the_stated(specified: str, table: str) -> None:
    expected = catalogue.indexes(specified, table)
    for (of, name), (theirs, ours, _why) in departures.INDEXES.items():
        if of == table:
            assert expected[name] == theirs
            expected[name] = ours
    for (of, name), (added, _why) in departures.ADDED_INDEXES.items():
        if of == table:
            expected[name] = added
    assert catalogue.indexes(OURS, table) == expected


def test_the_specification_names_forty_three_columns_and_five_indexes(specified: str) -> None:
    columns = [name for table in TABLES for name in catalogue.columns(specified, table)]
    indexes = [name for table in TABLES for name in catalogue.indexes(specified, table)]
    assert len(columns) == 10 + 16 + 17
    assert sum(name.startswith("idx_") for name in indexes) == 5


def test_the_metric_rows_are_partitioned_by_time(db: None) -> None:
    assert catalogue.partition_key(METRICS) == 'RANGE ("timestamp")'


def test_clients_and_users_are_the_tables_that_the_specification_refers_to() -> None:
    assert (Client._meta.db_table, User._meta.db_table) == ("clients", "users")


def test_the_loaded_baselines_are_those_of_the_specifications_insert(specified: str) -> None:
    names = ", ".join(INSERTED)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM {specified}.{departures.BASELINES}")  # noqa: S608
        theirs = sorted(cursor.fetchall())
        cursor.execute(f"SELECT {names} FROM {departures.BASELINES}")  # noqa: S608
        assert sorted(cursor.fetchall()) == theirs
    assert len(theirs) == 5


def test_the_specifications_insert_works_on_our_table(db: None, baselines_sql: str) -> None:
    before = PerformanceBaseline.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(baselines_sql)
    added = PerformanceBaseline.objects.order_by("-id")[:5]
    assert PerformanceBaseline.objects.count() == before + 5
    assert all(baseline.active and baseline.measurement_date for baseline in added)


def test_the_specifications_columns_alone_make_an_open_alert(db: None) -> None:
    row = {
        "alert_type": "sla_breach",
        "severity": "high",
        "component": "cognitive_core",
        "metric_name": "conversational_query_response_time",
        "threshold_value": 3000.0,
        "actual_value": 4500.0,
        "business_impact": "Customers wait.",
        "recommended_action": "Scale out.",
        "alert_message": "Too slow.",
        "client_id": Client.objects.get(code="platform").pk,
    }
    places = ", ".join(["%s"] * len(row))
    insert = f"INSERT INTO {departures.ALERTS} ({', '.join(row)}) VALUES ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        for _ in range(2):  # the second is no repeat of the first
            cursor.execute(insert, list(row.values()))
    alerts = Alert.objects.all()
    assert [(a.acknowledged, a.resolved, a.status, a.version, a.evidence) for a in alerts] == [
        (False, False, "firing", 1, {})
    ] * 2
