"""One cause, one incident, and two notifications: that it began, and that it is over."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Client, User
from alerts.models import Alert, AlertEvent, ComponentDependency, Incident
from alerts.raising import opening
from alerts.triage import dependencies, flapping, grouping, lifecycle, settling
from metrics.models import Component

pytestmark = pytest.mark.django_db
Breach = Callable[..., Alert]
CORE, INTERFACE, DATA = "cognitive_core", "user_interface", "data_intelligence"


def announced(**which: Any) -> list[str]:
    """The kinds of the events that people are told, in order."""
    events = AlertEvent.objects.filter(**which).select_related("alert").order_by("pk")
    return [event.kind for event in events if grouping.announces(event)]


class Route:
    """What one way to people is sent, of the alerts that are its own."""

    def __init__(self, **own: Any) -> None:
        self.own = own
        self.told: list[AlertEvent] = []
        self.seen = 0

    def mine(self, alert: Alert) -> bool:
        """Whether the route is about the alert."""
        return all(getattr(alert, name) == value for name, value in self.own.items())

    def kinds(self) -> list[str]:
        """All that was sent, after what is new was routed."""
        for event in AlertEvent.objects.filter(pk__gt=self.seen).order_by("pk"):
            self.seen = event.pk
            if self.mine(event.alert) and grouping.announces(event, self.told, self.mine):
                self.told.append(event)
        return [event.kind for event in self.told]


def recover(*alerts: Alert) -> None:
    """The breaches are over."""
    for alert in alerts:
        assert flapping.recover(alert.pk, "kept again")


def test_the_second_alert_of_a_component_joins_silently(breach: Breach) -> None:
    first, second = breach(), breach("availability")
    assert first.incident == second.incident
    assert first.incident is not None
    assert first.incident.title == "Cognitive core: Simple queries: latency"
    assert second.events.filter(kind="grouped").exists()
    assert announced() == ["opened"]


def test_an_incident_is_told_twice_however_many_alerts_it_has(breach: Breach) -> None:
    alerts = [breach(f"number {number}") for number in range(5)]
    recover(*alerts)
    incident = Incident.objects.get()
    assert incident.closed_at is not None
    assert announced() == ["opened", "resolved"]
    assert Route().kinds() == ["opened", "resolved"]


def test_that_a_mild_one_became_critical_is_told_once_and_no_other_step(breach: Breach) -> None:
    breach()
    mild = Route()
    assert mild.kinds() == ["opened"]
    breach("availability", severity="high")
    third = breach("satisfaction")
    opening.touch(third, {"severity": "high"}, note="20 %")
    opening.touch(third, {"severity": "critical"}, note="90 %")
    breach("learning", severity="critical")
    assert announced() == mild.kinds() == ["opened", "escalated"]


def test_who_knows_of_a_high_one_is_not_told_that_it_became_critical(breach: Breach) -> None:
    alert = breach(severity="high")
    opening.touch(alert, {"severity": "critical"}, note="90 %")
    recover(alert)
    assert announced() == Route().kinds() == ["opened", "resolved"]


def test_a_route_for_high_ones_hears_of_the_first_though_others_were_told_before(
    breach: Breach,
) -> None:
    every, grave = Route(), Route(severity="high")
    alert = breach()
    assert (every.kinds(), grave.kinds()) == (["opened"], [])
    opening.touch(alert, {"severity": "high"}, note="20 %")
    assert (every.kinds(), grave.kinds()) == (["opened"], ["escalated"])


@pytest.mark.parametrize(
    ("first", "second", "cause"),
    [
        (CORE, INTERFACE, CORE),
        (INTERFACE, CORE, CORE),
        (INTERFACE, DATA, DATA),
        (CORE, "nervous_system", None),
    ],
)
def test_dependent_components_share_an_incident_at_what_they_depend_on(
    breach: Breach, first: str, second: str, cause: str | None
) -> None:
    one, other = breach(component=first), breach(component=second)
    assert (one.incident_id == other.incident_id) == (cause is not None)
    if cause:
        assert Incident.objects.get().component == cause


def test_an_incident_can_be_joined_for_half_an_hour_after_its_latest_alert(
    breach: Breach,
) -> None:
    first = breach()
    for what in ("availability", "learning"):
        Incident.objects.update(latest_at=timezone.now() - timedelta(minutes=29))
        assert breach(what).incident_id == first.incident_id
    assert timezone.now() - Incident.objects.get().latest_at < timedelta(minutes=1)


def test_what_fires_long_after_the_last_is_another_incident(breach: Breach) -> None:
    first = breach()
    Incident.objects.update(latest_at=timezone.now() - timedelta(minutes=31))
    second = breach("availability")
    assert first.incident_id != second.incident_id


def test_a_reopened_alert_opens_its_incident_again_and_is_told(breach: Breach) -> None:
    recover(breach())
    breach()
    incident = Incident.objects.get()
    assert incident.closed_at is None
    assert announced() == ["opened", "resolved", "reopened"]


def test_who_is_told_of_one_client_hears_that_its_part_is_over_before_all_is(
    breach: Breach, globex: Client
) -> None:
    every, part = Route(), Route(client=globex)
    ours, theirs = breach(), breach(client=globex)
    assert (every.kinds(), part.kinds()) == (["opened"], ["opened"])
    recover(theirs)
    assert (every.kinds(), part.kinds()) == (["opened"], ["opened", "resolved"])
    recover(ours)
    assert every.kinds() == part.kinds() == ["opened", "resolved"]
    assert announced(alert=ours) == announced(alert=theirs) == ["opened", "resolved"]


def test_a_route_that_is_behind_tells_that_it_is_over_once(breach: Breach) -> None:
    recover(breach(), breach("availability"))
    assert Route().kinds() == ["opened", "resolved"]


def test_what_was_pending_or_suppressed_all_along_is_not_told(
    breach: Breach, make_silence: Callable[..., Any]
) -> None:
    recover(breach(hold=timedelta(minutes=5)))
    make_silence({"component": CORE})
    recover(breach("availability"))
    assert announced() == []


def test_a_critical_alert_keeps_lower_ones_of_dependents_quiet_until_it_is_over(
    breach: Breach,
) -> None:
    graver = breach(severity="critical")
    lower = breach(component=INTERFACE)
    alike = breach("availability", component=INTERFACE, severity="critical")
    assert (lower.status, lower.suppressed_by) == ("suppressed", f"alert {graver.pk}")
    assert (lower.incident_id, alike.status) == (graver.incident_id, "firing")
    recover(graver)
    settling.settle()
    lower.refresh_from_db()
    assert lower.status == "firing"


def test_what_fired_before_the_critical_one_is_suppressed_by_the_sweep(breach: Breach) -> None:
    lower, graver = breach(component=INTERFACE, severity="high"), breach(severity="critical")
    settling.settle()
    lower.refresh_from_db()
    assert lower.suppressed_by == f"alert {graver.pk}"


def test_it_inhibits_nothing_of_another_client_unless_it_is_the_platforms(
    breach: Breach, globex: Client, platform: Client
) -> None:
    breach(severity="critical")
    assert breach(component=INTERFACE, client=globex).status == "firing"
    breach("availability", severity="critical", client=platform)
    assert breach("availability", component=INTERFACE, client=globex).status == "suppressed"


def test_a_suppressed_critical_alert_inhibits_nothing(
    breach: Breach, make_silence: Callable[..., Any]
) -> None:
    make_silence({"component": CORE})
    breach(severity="critical")
    assert breach(component=INTERFACE).status == "firing"


def test_a_circle_of_dependencies_is_refused() -> None:
    by_code = {one.code: one for one in Component.objects.all()}
    with pytest.raises(ValidationError, match="in a circle"):
        dependencies.check(by_code[DATA], by_code[INTERFACE])
    dependencies.check(by_code["nervous_system"], by_code[CORE])
    assert ComponentDependency.objects.count() == 2


def test_what_people_do_is_always_told(breach: Breach, make_user: Callable[..., User]) -> None:
    breach()
    second = breach("availability")
    lifecycle.acknowledge(second.pk, acting_user=make_user(), version=second.version)
    assert announced(alert=second) == ["acknowledged"]
