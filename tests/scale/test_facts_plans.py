"""Series and votes over five million rows: an index for every way of asking, few rows read."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from metrics import feedback
from metrics.feedback import Vote
from metrics.models import Feedback
from tests.scale.conftest import Scale
from tests.scale.plans import explain, full_scans, indexes, rows_read
from tests.scale.test_read_plans import heavy

pytestmark = [pytest.mark.scale, pytest.mark.django_db]

# How far back, what else is asked, and how many roll-ups it may look at. A metric has one a minute;
# over a short time PostgreSQL prefers to read those of all 25 metrics, which lie side by side.
SERIES: dict[str, tuple[timedelta, dict[str, str], int]] = {
    "an hour": (timedelta(hours=1), {}, 25 * 65),
    "an hour by client": (timedelta(hours=1), {"group_by": "client"}, 25 * 65),
    "a day by model": (timedelta(days=1), {"group_by": "model", "step": "15m"}, 25 * 1_500),
    "a client's day": (timedelta(days=1), {"client": "client3", "step": "15m"}, 25 * 1_500),
    # Hours, of one metric.
    "thirteen days": (timedelta(days=13), {"step": "1h"}, 8 * 24 * 14),
    "thirteen days by client": (timedelta(days=13), {"step": "1h", "group_by": "client"}, 8 * 350),
    "thirteen days by day": (timedelta(days=13), {"step": "1d", "group_by": "model"}, 8 * 15),
}


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("bound", [False, True])
def test_a_series_reads_its_metrics_minutes_through_an_index(
    scale: Scale, name: str, bound: bool
) -> None:
    span, asked, most = SERIES[name]
    since = (timezone.now() - span).isoformat()
    client = scale.clients[3] if bound else None
    key = keys.issue("scale", [ApiKey.Scope.READ], client=client)[1]
    asked = {"metric_name": "metric_3", "since": since, **asked}
    with CaptureQueriesContext(connection) as context:
        answer = Browser().get("/api/v1/series/", asked, headers={"X-API-Key": key})
    assert answer.status_code == 200
    assert answer.json()["results"]
    (query,) = heavy(context)
    nodes = explain(query)
    assert full_scans(nodes) == []
    assert indexes(nodes)
    assert rows_read(nodes) <= most


def test_a_later_page_of_a_series_reads_only_what_is_left(scale: Scale) -> None:
    key = keys.issue("scale", [ApiKey.Scope.READ])[1]
    since = (timezone.now() - timedelta(days=1)).isoformat()
    asked: Any = {"metric_name": "metric_3", "since": since, "step": "1m", "page_size": "1400"}
    answer = Browser().get("/api/v1/series/", asked, headers={"X-API-Key": key})
    with CaptureQueriesContext(connection) as context:
        rest = Browser().get(answer.json()["next"], headers={"X-API-Key": key})
    assert rest.json()["results"]
    (query,) = heavy(context)
    # 41 minutes of 1,440.
    assert rows_read(explain(query)) <= 25 * 50


def test_votes_find_their_requests_through_an_index(scale: Scale) -> None:
    now = timezone.now()
    votes = [Vote(None, f"req-{n * 40_000 + 7}", 4, now) for n in range(50)]
    lost = [Vote(scale.rare.pk, f"lost-{n}", 4, now) for n in range(50)]
    with CaptureQueriesContext(connection) as context:
        feedback.receive([*votes, *lost], now)
    assert Feedback.objects.filter(joined_at__isnull=False).count() == 50
    finding = next(sql for sql in heavy(context) if "LATERAL" in sql)
    # Explained again before its votes had joined, it would find as much.
    Feedback.objects.update(joined_at=None, rated_at=None, component="", service_name="")
    nodes = explain(finding)
    assert full_scans(nodes) == []
    assert rows_read(nodes) <= 4 * 100


def test_ten_thousand_votes_join_within_seconds(scale: Scale) -> None:
    now = timezone.now()
    votes = [Vote(None, f"req-{n * 200 + 3}", 4, now) for n in range(10_000)]
    began = time.perf_counter()
    feedback.receive(votes, now)
    took = time.perf_counter() - began
    assert Feedback.objects.filter(joined_at__isnull=False).count() == 10_000
    assert took < 30
