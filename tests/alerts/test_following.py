"""Of two passes side by side the one that looked later has the say."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.models import Client
from alerts.models import Alert, AlertEvent
from alerts.raising import evaluation, following, steady, touching
from alerts.raising.passing import Pass
from slas import evaluating, objectives
from slas.compliance import Finding
from tests.alerts.conftest import NOW
from tests.alerts.rows import later

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]
LATENCY = "sla:simple_queries:latency"


def found(at: datetime) -> list[Finding]:
    evaluating.refresh(at)
    return evaluating.evaluate(objectives.enabled({LATENCY}), at)


def latency() -> Alert:
    return Alert.objects.get(objective=LATENCY)


@pytest.fixture
def broken(acme: Client, make_rows: MakeRows, now: datetime) -> Alert:
    """An alert of a promise that was broken, and kept again some minutes later."""
    make_rows(acme, [4000] * 10, timestamp=now)
    evaluation.evaluate(now)
    make_rows(acme, [100] * 200, timestamp=later(now, 540))
    return latency()


def test_what_was_found_broken_later_is_not_ended(broken: Alert, now: datetime) -> None:
    kept = found(later(now, 540))
    Alert.objects.update(last_breach_at=later(now, 541))
    following.follow(kept, Pass())
    assert latency().status == "firing"
    Alert.objects.update(last_breach_at=later(now, 539))
    following.follow(kept, Pass())
    assert latency().status == "resolved"


def test_what_was_found_later_is_not_overwritten(broken: Alert, now: datetime) -> None:
    before = found(now)
    Alert.objects.update(last_breach_at=later(now, 5), actual_value=1.0)
    done = Pass()
    following.follow(before, done)
    assert (latency().actual_value, latency().breaches, done.updated) == (1.0, 1, 0)


def test_what_was_closed_since_the_pass_began_stays_closed(broken: Alert, now: datetime) -> None:
    before, done = found(now), Pass()
    evaluation.evaluate(later(now, 540))
    following.follow(before, done)
    assert (latency().status, done.opened) == ("resolved", 0)


def test_a_steady_breach_is_counted_and_told_with_its_latest_numbers(
    broken: Alert, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(broken.client, [8000] * 5, timestamp=later(now, 5))
    done = evaluation.evaluate(later(now, 6))
    assert done is not None
    alert = latency()
    assert (done.updated, alert.breaches, alert.last_breach_at) == (1, 2, later(now, 6))
    assert (alert.version, alert.changed_at) == (broken.version, broken.changed_at)
    assert "(15 bad of 15)" in alert.alert_message
    assert AlertEvent.objects.filter(alert=alert).count() == 1


def test_in_a_storm_what_was_counted_has_to_do_for_the_less_grave(
    broken: Alert, make_rows: MakeRows, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steady, "MOST_MEASURED", 0)
    make_rows(broken.client, [8000] * 5, timestamp=later(now, 5))
    evaluation.evaluate(later(now, 6))
    alert = latency()
    assert (alert.breaches, alert.last_breach_at) == (2, later(now, 6))
    assert (alert.alert_message, alert.evidence) == (broken.alert_message, broken.evidence)
    # After a minute its evidence is due.
    evaluation.evaluate(later(now, 61))
    assert "(15 bad of 15)" in latency().alert_message


def test_of_evidence_that_is_due_a_pass_renews_the_oldest(
    broken: Alert, make_rows: MakeRows, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steady, "MOST_RENEWED", 0)
    evaluation.evaluate(later(now, 61))
    assert latency().evidence == broken.evidence
    monkeypatch.undo()
    evaluation.evaluate(later(now, 62))
    assert latency().evidence != broken.evidence


@pytest.mark.parametrize(
    "change",
    [
        {"status": "resolved", "resolved_at": NOW},
        {"status": "pending"},
        {"flapping": True},
        {"severity": "low"},
    ],
)
def test_what_changed_meanwhile_is_not_touched(
    broken: Alert, now: datetime, change: dict[str, Any]
) -> None:
    numbers = {"threshold_value": 1.0, "actual_value": 2.0, "alert_message": "Worse."}
    asked = [(broken, later(now, 5), numbers)]
    Alert.objects.filter(pk=broken.pk).update(**change)
    assert touching.touch(asked) == set()
    back = {name: getattr(broken, name) for name in change}
    Alert.objects.filter(pk=broken.pk).update(**back)
    assert touching.touch(asked) == {broken.pk}
    assert latency().alert_message == "Worse."
