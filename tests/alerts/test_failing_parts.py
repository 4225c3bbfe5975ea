"""What fails alone leaves everything else as it should be."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from accounts.models import Client
from alerts.models import Alert
from alerts.raising import evaluation
from tests.alerts.rows import INFERENCE, QUEUE

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]


@pytest.mark.parametrize(
    "broken", ["metric_name <> 'conversational_query_response_time'", "alert_type <> 'sla_breach'"]
)
def test_one_alert_that_cannot_be_stored_does_not_stop_the_others(
    acme: Client, make_rows: MakeRows, now: datetime, broken: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE ai_performance_alerts ADD CONSTRAINT broken CHECK ({broken})")
    make_rows(acme, [4000] * 5, timestamp=now)
    make_rows(acme, [150], timestamp=now, **QUEUE)
    done = evaluation.evaluate(now)
    assert done is not None
    assert done.opened == 1
    assert Alert.objects.get().alert_type == "resource_limit"


def test_one_promise_that_cannot_be_measured_does_not_stop_the_others(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    inference = {**INFERENCE, "ml_models_used": ["rework_risk_assessment"]}
    make_rows(acme, [1e200, 1.0] * 3, timestamp=now)
    make_rows(acme, [900] * 5, timestamp=now, **inference)
    evaluation.evaluate(now)
    # Of the first the exact figures are missing; what was counted raises its alert all the same.
    assert set(Alert.objects.values_list("objective", flat=True)) == {
        "sla:simple_queries:availability",
        "limit:cognitive_core:query_timeout",
        "model:rework_risk_assessment:inference_time",
    }


def test_an_alert_whose_event_cannot_be_stored_is_not_opened(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE alert_events ADD CONSTRAINT broken CHECK (kind <> 'opened')")
    make_rows(acme, [4000] * 5, timestamp=now)
    done = evaluation.evaluate(now)
    assert done is not None
    assert done.opened == 0
    assert not Alert.objects.exists()
