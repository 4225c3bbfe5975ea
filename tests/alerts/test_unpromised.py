"""Alerts whose promise is gone, and who resolves in the middle of an evaluation."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client
from alerts.models import Alert
from alerts.raising import evaluation
from slas.models import Sla

pytestmark = pytest.mark.django_db


@pytest.fixture
def latency_alert(acme: Client, make_rows: Callable[..., Any]) -> Alert:
    """An open alert of simple_queries' latency."""
    make_rows(acme, [4000] * 5, timestamp=timezone.now())
    evaluation.evaluate()
    return Alert.objects.get(objective="sla:simple_queries:latency")


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"metric_name": "ai_terminal_load_time"}], ids=str
)
def test_an_alert_is_closed_when_its_promise_is_no_longer_made(
    latency_alert: Alert, change: dict[str, Any]
) -> None:
    Sla.objects.filter(code="simple_queries").update(**change)
    evaluation.evaluate()
    latency_alert.refresh_from_db()
    assert latency_alert.status == "resolved"
    assert "No longer promised" in latency_alert.events.latest("at").note


def test_a_new_target_keeps_the_alert_open(latency_alert: Alert) -> None:
    Sla.objects.filter(code="simple_queries").update(target_response_time=2000)
    evaluation.evaluate()
    latency_alert.refresh_from_db()
    assert (latency_alert.status, latency_alert.threshold_value) == ("firing", 2000)
