"""The read API over five million rows: an index for every way of asking, and few rows read.

The queries are those that the views execute; PostgreSQL explains and runs each again.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from accounts import keys
from accounts.models import ApiKey
from metrics.models import PerformanceMetric
from metrics.partitions import TABLE
from tests.scale.conftest import Scale
from tests.scale.data import RARE_COMPONENT, RARE_METRIC
from tests.scale.plans import HEAVY, explain, full_scans, indexes, rows_read

pytestmark = [pytest.mark.scale, pytest.mark.django_db]
Ask = Callable[..., tuple[Any, list[Any]]]

PAGE = 100
HOUR = {"since": "T10:00:00Z", "until": "T11:00:00Z"}  # of the day five days ago
ROWS_AN_HOUR = 15_000
A_METRIC = {"metric_name": "metric_3", "component": "nervous_system"}
AN_ENDED_METRIC = {"metric_name": RARE_METRIC, "component": RARE_COMPONENT}

# filters, and how many rows a page of 100 may look at
PAGES: dict[str, tuple[dict[str, str], int]] = {
    "newest": ({}, 2 * PAGE),
    "an hour": (HOUR, 2 * PAGE),
    "a request": ({"request_id": "req-1200000"}, 2),
    "a client with few rows": ({"client": "rare"}, 5 * PAGE),
    "a client's failures": ({"client": "rare", "success": "false"}, 10 * PAGE),
    "a metric that ended": (AN_ENDED_METRIC, 50 * PAGE),
    "an ended metric's hour": ({**AN_ENDED_METRIC, **HOUR}, 5 * PAGE),
    # What is frequent is met on the way through time: the more of it, the fewer rows are read.
    "a client": ({"client": "client3"}, 20 * PAGE),
    "a frequent metric": (A_METRIC, 100 * PAGE),
    "a client's metric, one row in 270": ({"client": "client3", **A_METRIC}, 600 * PAGE),
    "a service": ({"service_name": "service_7"}, 100 * PAGE),
    "a complexity": ({"query_complexity": "complex"}, 10 * PAGE),
    "probes": ({"synthetic": "true"}, 100 * PAGE),
    "failures, one row in 500": ({"success": "false"}, 1000 * PAGE),
    # And what is rare there costs at most the rows of the time asked for.
    "a client's hour": ({"client": "client3", **HOUR}, ROWS_AN_HOUR),
    "a metric's hour": ({**A_METRIC, **HOUR}, ROWS_AN_HOUR),
    "failures of an hour": ({"success": "false", **HOUR}, ROWS_AN_HOUR),
    "nobody's hour": ({"service_name": "nobody", **HOUR}, ROWS_AN_HOUR),
}


@pytest.fixture
def ask(scale: Scale) -> Ask:
    """GET rows; the answer, and the nodes of the plan of what was asked of the database."""

    def get(url: str, filters: dict[str, str], client: Any = None) -> tuple[Any, list[Any]]:
        day = f"{scale.today - timedelta(days=5)}"
        filters = {
            name: day + value if value[0] == "T" else value for name, value in filters.items()
        }
        text = keys.issue("scale", [ApiKey.Scope.READ], client=client)[1]
        with CaptureQueriesContext(connection) as context:
            answer = Browser().get(url, filters, headers={"X-API-Key": text})
        assert answer.status_code == 200
        (query,) = heavy(context)
        return answer.json(), explain(query)

    return get


def heavy(context: CaptureQueriesContext) -> list[str]:
    """The queries that touch a heavy table."""
    queries = [one["sql"] for one in context.captured_queries]
    return [sql for sql in queries if any(table in sql for table in HEAVY)]


def test_there_are_five_million_rows_in_fourteen_partitions(scale: Scale) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid, count(*) FROM {TABLE} GROUP BY tableoid")  # noqa: S608
        counts = dict(cursor.fetchall())
    assert len(counts) == 14
    assert sum(counts.values()) >= 5_000_000


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_few_rows_through_an_index(ask: Ask, name: str) -> None:
    filters, most = PAGES[name]
    answer, nodes = ask("/api/v1/metrics/", filters)
    assert full_scans(nodes) == []
    assert indexes(nodes)
    assert rows_read(nodes) <= most
    if following := answer["next"]:
        _, nodes = ask(following, {})
        assert full_scans(nodes) == []
        assert rows_read(nodes) <= most


def test_a_page_deep_in_the_past_costs_what_the_first_does(ask: Ask, scale: Scale) -> None:
    row = PerformanceMetric.objects.filter(timestamp__date=scale.today - timedelta(days=12))[0]
    answer, _ = ask("/api/v1/metrics/", {"until": row.timestamp.isoformat()})
    _, nodes = ask(answer["next"], {})
    assert full_scans(nodes) == []
    assert rows_read(nodes) <= 5 * PAGE


def test_a_key_of_a_client_with_few_rows_reads_only_those(ask: Ask, scale: Scale) -> None:
    answer, nodes = ask("/api/v1/metrics/", {}, client=scale.rare)
    assert {row["client"] for row in answer["results"]} == {"rare"}
    assert full_scans(nodes) == []
    assert rows_read(nodes) <= 5 * PAGE


@pytest.mark.parametrize(
    ("url", "most"),
    [
        ("/admin/", 5_000),  # an hour of roll-ups
        ("/admin/metrics/performancemetric/", 1_000),
        ("/admin/metrics/minuterollup/", 1_000),
    ],
)
def test_a_page_of_the_admin_reads_few_rows(
    scale: Scale, client: Browser, make_user: Any, url: str, most: int
) -> None:
    client.force_login(make_user("Viewer"))
    with CaptureQueriesContext(connection) as context:
        assert client.get(url).status_code == 200
    plans = [explain(query) for query in heavy(context)]
    assert plans
    for nodes in plans:
        assert full_scans(nodes) == []
        assert rows_read(nodes) <= most


def test_a_filter_without_index_and_time_is_seen_as_the_full_scan_it_is(ask: Ask) -> None:
    _, nodes = ask("/api/v1/metrics/", {"service_name": "nobody"})
    assert full_scans(nodes) != []
