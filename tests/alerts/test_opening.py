"""How an alert comes into being: pending, suppressed, firing, or the last one again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client, User
from alerts.models import Alert, AlertEvent, Silence
from alerts.raising import opening
from alerts.triage import flapping, lifecycle, settling
from tests.alerts.rows import later

pytestmark = pytest.mark.django_db
Breach = Callable[..., Alert | None]
HOLD = timedelta(minutes=5)


def kinds(alert: Alert) -> list[str]:
    """What happened to it, in order."""
    return list(alert.events.order_by("pk").values_list("kind", flat=True))


def find_again(alert: Alert, seconds: float, **fields: Any) -> None:
    """A later finding of the same breach."""
    alert.refresh_from_db()
    at = later(alert.last_breach_at, seconds)
    opening.touch(alert, {"severity": alert.severity, "last_breach_at": at, **fields}, note="10 %")


def test_a_breach_fires_at_once_with_its_event_and_incident(breach: Breach) -> None:
    alert = breach()
    assert alert is not None
    assert (alert.status, alert.fired_at == alert.changed_at) == ("firing", True)
    event = alert.events.get()
    assert (event.kind, event.from_status, event.to_status) == ("opened", "", "firing")
    assert event.data == {"severity": "medium", "incident": alert.incident_id}


def test_who_comes_second_gets_none_and_leaves_no_trace(breach: Breach) -> None:
    assert breach() is not None
    assert breach() is None
    assert (Alert.objects.count(), AlertEvent.objects.count()) == (1, 1)


def test_with_a_hold_time_it_is_pending_and_fires_once_found_so_long(breach: Breach) -> None:
    alert = breach(hold=HOLD)
    assert alert is not None
    assert (alert.status, alert.fired_at, alert.incident) == ("pending", None, None)
    find_again(alert, 299)
    assert settling.fire_due(timezone.now()) == 0
    find_again(alert, 1)
    assert settling.fire_due(timezone.now()) == 1
    alert.refresh_from_db()
    assert (alert.status, kinds(alert)) == ("firing", ["opened", "fired"])
    assert alert.incident is not None


def test_a_pending_alert_that_recovers_is_resolved_and_comes_back_as_another(
    breach: Breach,
) -> None:
    first = breach(hold=HOLD)
    assert first is not None
    assert flapping.recover(first.pk, "kept again")
    second = breach(hold=HOLD)
    assert second is not None
    assert (second.pk != first.pk, second.status) == (True, "pending")


def test_a_pending_alert_that_nothing_is_heard_of_is_forgotten(breach: Breach) -> None:
    alert = breach(hold=HOLD, last_breach_at=timezone.now() - 2 * HOLD)
    assert alert is not None
    settled = settling.settle()
    assert settled is not None
    assert (settled.fired, settled.forgotten) == (0, 1)


def test_what_comes_back_at_once_opens_the_same_alert_with_the_new_numbers(
    breach: Breach,
) -> None:
    first = breach()
    assert first is not None
    flapping.recover(first.pk, "kept again")
    again = breach(severity="high", actual_value=9000)
    assert again is not None
    assert (again.pk, again.status, again.reopened, again.breaches) == (first.pk, "firing", 1, 2)
    assert (again.severity, again.actual_value) == ("high", 9000)
    assert kinds(again) == ["opened", "resolved", "reopened"]
    assert again.incident is not None
    assert again.incident.closed_at is None


def test_what_comes_back_later_or_after_a_person_closed_it_is_another(
    breach: Breach, make_user: Callable[..., User], settings: Any
) -> None:
    settings.REOPEN_SECONDS = 0
    first = breach()
    assert first is not None
    flapping.recover(first.pk, "kept again")
    second = breach()
    settings.REOPEN_SECONDS = 600
    assert second is not None
    lifecycle.resolve(second.pk, acting_user=make_user(), version=second.version)
    third = breach()
    assert third is not None
    assert len({first.pk, second.pk, third.pk}) == 3


def test_a_silenced_breach_is_stored_but_does_not_fire(
    breach: Breach, make_silence: Callable[..., Silence]
) -> None:
    silence = make_silence({"component": "cognitive_core"})
    alert = breach()
    assert alert is not None
    assert (alert.status, alert.suppressed_by) == ("suppressed", f"silence {silence.pk}")
    assert (alert.incident, alert.fired_at, kinds(alert)) == (None, None, ["opened"])


def test_what_comes_back_under_a_silence_is_reopened_and_suppressed(
    breach: Breach, make_silence: Callable[..., Silence]
) -> None:
    first = breach()
    assert first is not None
    flapping.recover(first.pk, "kept again")
    make_silence({"component": "cognitive_core"})
    again = breach()
    assert again is not None
    assert (again.pk, again.status) == (first.pk, "suppressed")
    assert kinds(again) == ["opened", "resolved", "reopened", "suppressed"]


def test_a_later_finding_only_raises_the_severity(breach: Breach) -> None:
    alert = breach(severity="high")
    assert alert is not None
    find_again(alert, 5, severity="low")
    assert kinds(alert) == ["opened"]
    find_again(alert, 5, severity="critical")
    alert.refresh_from_db()
    assert (alert.severity, alert.breaches) == ("critical", 3)
    event = alert.events.get(kind="escalated")
    assert event.note == "From high to critical: 10 %."
    assert event.data == {"severity": "critical", "was": "high"}


def test_the_same_breach_of_another_client_is_another_alert(breach: Breach, globex: Client) -> None:
    one, other = breach(), breach(client=globex)
    assert one is not None
    assert other is not None
    assert one.incident_id == other.incident_id
