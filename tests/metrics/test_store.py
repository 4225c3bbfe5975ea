"""The store: one COPY, exact values, marks of the minutes it touched."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from accounts.models import Client
from metrics.ingest.schema import Row
from metrics.ingest.store import store
from metrics.models import PendingMinute, PerformanceMetric

pytestmark = pytest.mark.django_db


def test_json_is_stored_as_json_and_not_as_text(make_rows: Any, acme: Client) -> None:
    make_rows(acme, [1.0], metadata={"a": {"b": 1}}, ml_models_used=["m"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT jsonb_typeof(metadata), metadata->'a'->>'b', ml_models_used->>0 "
            "FROM ai_performance_metrics"
        )
        assert cursor.fetchone() == ("object", "1", "m")


def test_what_was_not_sent_is_null_and_not_json_null(make_rows: Any, acme: Client) -> None:
    make_rows(acme, [1.0])
    nulls = PerformanceMetric.objects.filter(metadata__isnull=True, ml_models_used__isnull=True)
    assert nulls.count() == 1


@pytest.mark.parametrize("synthetic", [True, False])
def test_it_marks_what_probes_measured(make_rows: Any, acme: Client, synthetic: bool) -> None:
    make_rows(acme, [1.0], synthetic=synthetic)
    assert PerformanceMetric.objects.get().synthetic is synthetic


def test_times_keep_their_microseconds(make_rows: Any, acme: Client) -> None:
    moment = datetime(2026, 3, 4, 12, 0, 59, 999_999, tzinfo=UTC)
    make_rows(acme, [1.0], timestamp=moment)
    assert PerformanceMetric.objects.get().timestamp == moment
    assert PendingMinute.objects.get().minute == moment.replace(second=0, microsecond=0)


def test_no_rows_are_stored_without_a_query(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert store([]) == 0


def test_a_row_without_its_time_is_refused(acme: Client) -> None:
    row = Row("m", "ai_query", 1.0, "ms", "cognitive_core", "tests", client_id=acme.pk)
    with pytest.raises(ValueError, match="time filled in"):
        store([row])
