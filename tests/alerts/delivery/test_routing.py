"""Whom an event tells: routes, people, hours, digests, storms, incidents; each event once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Client, Team
from alerts.delivery import outbox, routing
from alerts.models import Alert, AlertEvent, Incident, Notification, Status
from alerts.triage import lifecycle, people
from metrics.models import Component
from tests.alerts.delivery.conftest import rows

pytestmark = pytest.mark.django_db
State, Held, Kind = Notification.Status, Notification.Held, AlertEvent.Kind
WEDNESDAY = datetime(2026, 3, 4, 22, 0, tzinfo=UTC)
OFFICE = [{"day": day, "from": "08:00", "until": "18:00"} for day in range(5)]


@pytest.fixture
def route_events(event_of: Callable[..., AlertEvent]) -> Callable[..., None]:
    """Write events and route them: ``route_events(alert, "opened", "resolved")``."""

    def run(alert: Alert, *kinds: str, now: datetime | None = None, **fields: Any) -> None:
        for kind in kinds:
            event_of(alert, kind, **fields)
        routing.route_new_events(now)

    return run


def test_an_event_is_decided_once(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    channel = make_channel()
    make_route(channel)
    route_events(make_alert(), Kind.OPENED)
    assert routing.route_new_events() == 0
    (row,) = rows()
    assert (row.channel, row.status, row.why) == (channel, State.WAITING, "route Route 1")
    assert not AlertEvent.objects.filter(routed_at=None).exists()


def test_the_first_route_that_fits_decides_unless_it_goes_on(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    one, two, three = make_channel(), make_channel(), make_channel()
    other = [{"name": "component", "op": "=", "value": "user_interface"}]
    make_route(three, position=1, matchers=other)
    make_route(one, position=2, goes_on=True)
    make_route(one, two, position=3)
    make_route(three, position=4)
    route_events(make_alert(), Kind.OPENED)
    assert [(row.channel, row.route.name) for row in rows() if row.route] == [
        (one, "Route 2"),
        (two, "Route 3"),
    ]


@pytest.mark.parametrize(("floor", "told"), [("medium", 1), ("high", 0)])
def test_nothing_below_the_floor_is_told(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any, floor: str, told: int
) -> None:
    make_route(make_channel(), severity_floor=floor)
    route_events(make_alert(severity="medium"), Kind.OPENED)
    assert len(rows()) == told


def test_a_teams_route_takes_what_it_owns_and_what_was_handed_to_it(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    owners, others = Team.objects.create(name="Owners"), Team.objects.create(name="Others")
    Component.objects.filter(code="cognitive_core").update(team=owners)
    make_route(make_channel(), team=owners)
    route_events(make_alert(), Kind.OPENED)
    route_events(make_alert(team=others), Kind.OPENED)
    assert len(rows()) == 1
    alert = make_alert(team=owners, component="elsewhere")
    route_events(alert, Kind.ASSIGNED, data={"team": owners.pk})
    assert [row.why for row in rows(alert=alert)] == ["handed over, route Route 1"]


def test_a_pending_alert_tells_nobody_and_a_suppressed_one_is_withheld_with_its_reason(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    make_route(make_channel())
    route_events(make_alert(Status.PENDING), Kind.OPENED)
    assert rows() == []
    route_events(make_alert(Status.SUPPRESSED, suppressed_by="silence 7"), Kind.OPENED)
    (row,) = rows()
    assert (row.status, row.held, row.held_note) == (State.WITHHELD, Held.SUPPRESSED, "silence 7")


def test_a_flapping_alert_says_so_once_and_then_is_quiet(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    make_route(make_channel())
    alert = make_alert(flapping=True)
    route_events(alert, Kind.FLAPPING, Kind.REOPENED, Kind.RESOLVED)
    assert [(row.status, row.held) for row in rows()] == [
        (State.WAITING, ""),
        (State.WITHHELD, Held.FLAPPING),
        (State.WITHHELD, Held.FLAPPING),
    ]


def test_only_those_are_told_of_the_end_who_were_told_before(
    make_alert: Any, make_channel: Any, make_route: Any, make_user: Any, event_of: Any
) -> None:
    told, silent = make_channel(), make_channel()
    make_route(told, goes_on=True)
    make_route(silent, notify_resolved=False)
    alert = make_alert()
    event_of(alert)
    routing.route_new_events()
    make_route(make_channel(), position=1)
    lifecycle.resolve(alert.pk, acting_user=make_user(), version=alert.version)
    routing.route_new_events()
    assert [row.channel for row in rows(event__kind=Kind.RESOLVED)] == [told]


def test_outside_hours_a_message_waits_for_them_and_is_dropped_if_it_is_over_by_then(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    make_route(make_channel(), hours=OFFICE, time_zone="Europe/Berlin")
    alert = make_alert()
    route_events(alert, Kind.OPENED, now=WEDNESDAY)
    (row,) = rows()
    assert (row.status, row.held) == (State.WAITING, Held.HOURS)
    assert row.due_at == datetime(2026, 3, 5, 7, 0, tzinfo=UTC)
    route_events(alert, Kind.RESOLVED, now=WEDNESDAY + timedelta(hours=1))
    assert [(row.status, row.held) for row in rows()] == [(State.WITHHELD, Held.RESOLVED)]


def test_low_severities_are_gathered_into_one_message_a_route_and_interval(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    make_route(make_channel(), digest_minutes=60, digest_up_to="low")
    for severity in ("low", "low", "high"):
        route_events(make_alert(severity=severity), Kind.OPENED, now=WEDNESDAY)
    route_events(make_alert(severity="low"), Kind.OPENED, now=WEDNESDAY + timedelta(hours=1))
    digests = rows(form="digest")
    assert [one.due_at for one in digests] == [WEDNESDAY + timedelta(hours=n) for n in (1, 2)]
    assert [one.members.count() for one in digests] == [2, 1]
    assert [row.alert.severity for row in rows(form="single", status=State.WAITING)] == ["high"]


def test_a_storm_collapses_into_one_summary_and_every_alert_keeps_its_row(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    calm, stormy = make_channel(storm_per_minute=0), make_channel(storm_per_minute=3)
    make_route(calm, stormy)
    for _ in range(10):
        route_events(make_alert(), Kind.OPENED, now=WEDNESDAY)
    singles = rows(channel=stormy, form="single")
    assert [row.held for row in singles] == [""] * 3 + [Held.STORM] * 7
    (summary,) = rows(form="storm")
    assert {row.carrier for row in singles[3:]} == {summary}
    assert len(rows(channel=calm, status=State.WAITING)) == 10


def test_a_bundle_that_is_being_sent_takes_nothing_more(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    make_route(make_channel(storm_per_minute=1))
    for _ in range(2):
        route_events(make_alert(), Kind.OPENED, now=WEDNESDAY)
    Notification.objects.filter(form="storm").update(attempts=1)
    route_events(make_alert(), Kind.OPENED, now=WEDNESDAY)
    assert [one.members.count() for one in rows(form="storm")] == [1, 1]


def test_an_incident_is_told_once_until_it_gets_graver_and_when_its_last_alert_is_over(
    make_alert: Any, make_channel: Any, make_route: Any, route_events: Any
) -> None:
    make_route(make_channel())
    incident = Incident.objects.create(title="Core", component="cognitive_core")
    first, second = (make_alert(incident=incident) for _ in range(2))
    route_events(first, Kind.OPENED)
    route_events(second, Kind.OPENED)
    route_events(make_alert(incident=incident, severity="critical"), Kind.OPENED)
    for alert in Alert.objects.order_by("pk"):
        Alert.objects.filter(pk=alert.pk).update(status=Status.RESOLVED, resolved_at=WEDNESDAY)
        alert.refresh_from_db()
        route_events(alert, Kind.RESOLVED)
    told = [(row.event.kind, row.event.alert.severity) for row in rows(status="waiting")]
    assert told == [("opened", "medium"), ("opened", "critical"), ("resolved", "critical")]
    assert {row.held for row in rows(status="withheld")} == {Held.INCIDENT}


def test_people_are_told_what_others_give_them_by_the_channel_for_people(
    make_alert: Any, make_channel: Any, make_user: Any, globex: Client
) -> None:
    by_mail = make_channel(for_people=True)
    lead = make_user("Responder", username="lead", email="lead@example.org")
    mate = make_user("Responder", username="mate", email="mate@example.org")
    alert = make_alert()
    people.assign(alert.pk, acting_user=lead, version=alert.version, assignee=mate)
    people.comment(alert.pk, acting_user=mate, note="Look, @lead, and @mate")
    mute = make_user("Responder", email="other@example.org", clients=[globex])
    people.record(alert, Kind.PAGED, data={"users": [lead.pk, mute.pk], "reason": "Step 1."})
    routing.route_new_events()
    assert [(row.channel, row.recipient, row.why) for row in rows()] == [
        (by_mail, mate, "it was assigned to you"),
        (by_mail, lead, "you are mentioned"),
        (by_mail, lead, "Step 1."),
    ]


def test_telling_a_channel_or_person_directly_is_repeatable(
    make_alert: Any, make_channel: Any, make_user: Any, event_of: Any
) -> None:
    channel, user = make_channel(), make_user("Responder", email="a@example.org")
    event = event_of(make_alert(), Kind.PAGED)
    first = [outbox.notify_channel(event, channel, reason="step 1") for _ in range(2)]
    assert first[0] == first[1]
    assert outbox.notify_user(event, user) is None
    make_channel(for_people=True)
    assert outbox.notify_user(event, user) == outbox.notify_user(event, user)
    assert len(rows()) == 2


def test_what_is_rolled_back_tells_nobody(
    make_alert: Any, make_channel: Any, event_of: Any
) -> None:
    channel, alert = make_channel(), make_alert()
    with transaction.atomic():
        outbox.notify_channel(event_of(alert), channel)
        transaction.set_rollback(True)
    assert (rows(), AlertEvent.objects.count()) == ([], 0)


def test_an_event_that_cannot_be_routed_stops_no_other(
    make_alert: Any, make_channel: Any, make_route: Any, event_of: Any, caplog: Any
) -> None:
    make_route(make_channel(), matchers=[{"name": "severity", "op": ">=", "value": "low"}])
    bad = event_of(make_alert(severity="unheard-of"))
    event_of(make_alert())
    assert routing.route_new_events() == 1
    assert AlertEvent.objects.get(routed_at=None) == bad
    assert "could not be routed" in caplog.text
