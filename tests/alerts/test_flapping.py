"""An alert that changes too often is told once, and quiet until it is steady."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from alerts.models import Alert, AlertEvent
from alerts.raising import opening
from alerts.triage import flapping, grouping, lifecycle, settling

pytestmark = pytest.mark.django_db
Breach = Callable[..., Alert]


def go_on(breach: Breach, changes: int) -> Alert:
    """Break and recover by turns; the alert after so many changes."""
    for number in range(changes):
        if number % 2:
            flapping.recover(Alert.objects.get().pk, "kept again")
        else:
            breach()
    return Alert.objects.get()


def told() -> list[str]:
    """What people hear, in order."""
    events = AlertEvent.objects.select_related("alert").order_by("pk")
    return [event.kind for event in events if grouping.announces(event)]


def after(**span: float) -> datetime:
    """A moment from now."""
    return timezone.now() + timedelta(**span)


def test_the_sixth_change_within_an_hour_is_flapping(breach: Breach) -> None:
    assert not go_on(breach, 5).flapping
    assert not flapping.recover(Alert.objects.get().pk, "kept again")
    alert = Alert.objects.get()
    assert (alert.flapping, alert.status, alert.kept) == (True, "firing", True)
    assert alert.events.filter(kind="flapping").count() == 1


def test_a_breach_that_comes_back_once_too_often_is_told_as_flapping(
    breach: Breach, settings: Any
) -> None:
    settings.FLAP_CHANGES = 5
    alert = go_on(breach, 5)
    assert (alert.flapping, alert.status) == (True, "firing")
    assert told() == ["opened", "resolved", "reopened", "resolved", "flapping"]


def test_another_alert_of_a_breach_that_changed_too_often_is_flapping_from_the_start(
    breach: Breach, settings: Any
) -> None:
    settings.FLAP_CHANGES, settings.REOPEN_SECONDS = 3, 0
    first = go_on(breach, 2)
    second = breach()
    assert (second.pk != first.pk, second.flapping, second.kept) == (True, True, False)
    assert told() == ["opened", "resolved", "flapping"]
    assert second.events.first().data == {
        "severity": "medium",
        "quiet": "flapping",
        "incident": second.incident_id,
    }


def test_changes_of_more_than_an_hour_ago_do_not_count(breach: Breach) -> None:
    go_on(breach, 5)
    AlertEvent.objects.update(at=after(hours=-2))
    assert flapping.recover(Alert.objects.get().pk, "kept again")


def test_while_it_flaps_it_is_neither_resolved_nor_told(breach: Breach) -> None:
    before = [go_on(breach, 6).version, told()]
    alert = Alert.objects.get()
    opening.touch(alert, {"severity": "medium"}, note="")
    flapping.recover(alert.pk, "kept again")
    alert.refresh_from_db()
    assert [alert.version, told(), alert.status] == [*before, "firing"]


def test_found_kept_for_half_an_hour_it_is_resolved_and_told_once(breach: Breach) -> None:
    go_on(breach, 6)
    settling.settle(after(minutes=29))
    assert Alert.objects.get().flapping
    settling.settle(after(minutes=31))
    alert = Alert.objects.get()
    assert (alert.flapping, alert.status) == (False, "resolved")
    assert told()[-2:] == ["reopened", "resolved"]


def test_found_broken_for_half_an_hour_it_goes_on_as_any_other(breach: Breach) -> None:
    alert = go_on(breach, 6)
    opening.touch(alert, {"severity": "medium"}, note="")
    settling.settle(after(minutes=31))
    alert.refresh_from_db()
    assert (alert.flapping, alert.status) == (False, "firing")
    assert flapping.recover(alert.pk, "kept again")
    assert told()[-1] == "resolved"


def test_a_graver_finding_is_told_though_it_flaps(breach: Breach) -> None:
    alert = go_on(breach, 6)
    opening.touch(alert, {"severity": "critical"}, note="90 %")
    assert told()[-1] == "escalated"


def test_a_person_may_close_it_all_the_same(breach: Breach, make_user: Callable[..., User]) -> None:
    alert = go_on(breach, 6)
    lifecycle.resolve(alert.pk, acting_user=make_user(), version=alert.version)
    alert.refresh_from_db()
    assert (alert.flapping, alert.status) == (False, "resolved")
