"""Silence of what used to report: an alert of its own, which ends when data comes again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Client, User
from alerts.models import Alert, AlertType
from alerts.raising import evaluation
from alerts.triage import lifecycle
from metrics.models import Emitter
from tests.alerts.rows import later

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]
LIMIT = 600


@pytest.fixture
def emitter(acme: Client, make_rows: MakeRows, now: datetime) -> Emitter:
    """A service of Acme's that has just reported."""
    make_rows(acme, [100.0] * 10, timestamp=now)
    return Emitter.objects.create(
        client=acme,
        component="cognitive_core",
        service_name="assistant",
        last_seen_at=now,
        silent_after_seconds=LIMIT,
    )


def silent_alerts() -> list[Alert]:
    return list(Alert.objects.filter(alert_type=AlertType.NO_DATA).order_by("pk"))


def test_silence_opens_one_alert_with_its_numbers(emitter: Emitter, now: datetime) -> None:
    evaluation.evaluate(later(now, LIMIT - 1))
    assert silent_alerts() == []
    for seconds in (LIMIT + 1, LIMIT + 6):
        evaluation.evaluate(later(now, seconds))
    (alert,) = silent_alerts()
    assert (alert.threshold_value, alert.actual_value, alert.unit) == (600, 601, "seconds")
    assert (alert.component, alert.status) == ("cognitive_core", "firing")
    assert "assistant should report at least every 10 min" in alert.alert_message
    assert "Simple queries: latency" in alert.alert_message
    assert alert.events.get().kind == "opened"


def test_it_ends_when_data_comes_again(emitter: Emitter, now: datetime) -> None:
    evaluation.evaluate(later(now, LIMIT + 1))
    Emitter.objects.update(last_seen_at=later(now, LIMIT + 5))
    done = evaluation.evaluate(later(now, LIMIT + 6))
    assert done is not None
    assert done.resolved == 1
    (alert,) = silent_alerts()
    assert alert.status == "resolved"
    assert alert.events.latest("pk").note == "Data comes again from cognitive_core."


def test_another_service_of_the_component_that_reports_is_enough(
    emitter: Emitter, acme: Client, now: datetime
) -> None:
    moment = later(now, LIMIT + 1)
    other = {"client": acme, "component": "cognitive_core", "service_name": "other"}
    Emitter.objects.create(**other, last_seen_at=moment)
    evaluation.evaluate(moment)
    assert silent_alerts() == []


def test_a_muted_service_may_be_quiet(emitter: Emitter, now: datetime) -> None:
    Emitter.objects.update(muted=True)
    evaluation.evaluate(later(now, LIMIT + 1))
    assert silent_alerts() == []


def test_a_breach_whose_data_ends_stays_open_and_says_so(
    emitter: Emitter, acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [9000.0] * 30, timestamp=now)
    evaluation.evaluate(now)
    moment = later(now, 4 * 86_400)
    for seconds in (0, 5):
        evaluation.evaluate(moment + timedelta(seconds=seconds))
    alert = Alert.objects.get(objective="sla:simple_queries:latency")
    assert alert.status == "firing"
    assert alert.alert_message.count("It stays open until data shows that it is over") == 1


def test_what_a_person_resolved_stays_so_until_the_next_silence(
    emitter: Emitter, make_user: Callable[..., User], now: datetime
) -> None:
    evaluation.evaluate(later(now, LIMIT + 1))
    lifecycle.resolve(silent_alerts()[0].pk, acting_user=make_user(), version=1)
    evaluation.evaluate(later(now, LIMIT + 6))
    assert len(silent_alerts()) == 1
    # It speaks once more, after the person resolved it, and falls silent again.
    Emitter.objects.update(last_seen_at=later(now, LIMIT + 60))
    evaluation.evaluate(later(now, 2 * LIMIT + 61))
    assert [alert.status for alert in silent_alerts()] == ["resolved", "firing"]
