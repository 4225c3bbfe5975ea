"""What people can do with an alert, and what they are told when they can't."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from alerts.models import Alert, AlertEvent, Status
from alerts.triage import lifecycle
from alerts.triage.lifecycle import Refused

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]
ACTIONS = {
    "acknowledge": lifecycle.acknowledge,
    "unacknowledge": lifecycle.unacknowledge,
    "resolve": lifecycle.resolve,
    "reopen": lifecycle.reopen,
}
PORTALS = {
    ("pending", "fire"): "firing",
    ("pending", "suppress"): "suppressed",
    ("pending", "resolve"): "resolved",
    ("firing", "suppress"): "suppressed",
    ("suppressed", "fire"): "firing",
}
LEGAL = {
    ("firing", "acknowledge"): "acknowledged",
    ("firing", "resolve"): "resolved",
    ("acknowledged", "unacknowledge"): "firing",
    ("acknowledged", "resolve"): "resolved",
    ("suppressed", "acknowledge"): "acknowledged",
    ("suppressed", "resolve"): "resolved",
    ("resolved", "reopen"): "firing",
}
KINDS = {
    "acknowledge": "acknowledged",
    "unacknowledge": "unacknowledged",
    "resolve": "resolved",
    "reopen": "reopened",
}
LEGAL_FOR_ALL = {**LEGAL, ("pending", "resolve"): "resolved"}
ILLEGAL = [(s, a) for s in Status.values for a in ACTIONS if (s, a) not in LEGAL_FOR_ALL]


def test_the_table_has_these_transitions_and_no_other() -> None:
    assert lifecycle.TRANSITIONS == LEGAL | PORTALS


@pytest.mark.parametrize(("status", "action"), LEGAL)
def test_a_legal_action_changes_the_state_and_says_who(
    make_alert: MakeAlert, make_user: MakeUser, status: str, action: str
) -> None:
    user, alert = make_user(), make_alert(status, by=make_user())
    after = ACTIONS[action](alert.pk, acting_user=user, version=1, note="on it")
    assert (after.status, after.version) == (LEGAL[status, action], 2)
    event = after.events.get()
    assert (event.from_status, event.to_status) == (status, LEGAL[status, action])
    assert (event.kind, event.actor, event.note) == (KINDS[action], user, "on it")
    took, closed = action == "acknowledge", action == "resolve"
    assert (after.resolved_by, after.resolved_at is not None) == (user if closed else None, closed)
    if not closed:
        assert (after.acknowledged_by == user, after.acknowledged_at is not None) == (took, took)


@pytest.mark.parametrize(("status", "action"), ILLEGAL)
def test_an_illegal_action_is_refused_and_changes_nothing(
    make_alert: MakeAlert, make_user: MakeUser, status: str, action: str
) -> None:
    alert = make_alert(status, by=make_user())
    before = Alert.objects.values().get()
    with pytest.raises(Refused, match=f"is {status}: you can't {action} it"):
        ACTIONS[action](alert.pk, acting_user=make_user(), version=1)
    assert Alert.objects.values().get() == before
    assert not AlertEvent.objects.exists()


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        ("pending", ["resolve"]),
        ("firing", ["acknowledge", "resolve"]),
        ("acknowledged", ["unacknowledge", "resolve"]),
        ("suppressed", ["acknowledge", "resolve"]),
        ("resolved", ["reopen"]),
    ],
)
def test_it_names_the_legal_actions(status: str, actions: list[str]) -> None:
    assert lifecycle.legal_actions(status) == actions


def test_a_stale_action_is_refused_with_who_did_what(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert = make_alert()
    ann = make_user(first_name="Ann", last_name="Able")
    lifecycle.acknowledge(alert.pk, acting_user=ann, version=1)
    with pytest.raises(Refused, match="Ann Able acknowledged it; it is acknowledged now"):
        lifecycle.resolve(alert.pk, acting_user=make_user(), version=1)
    assert Alert.objects.get().status == "acknowledged"


def test_a_stale_action_names_the_portal_when_it_resolved(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert = make_alert()
    assert lifecycle.resolve_recovered(alert.pk, "kept again")
    with pytest.raises(Refused, match="The portal resolved it; it is resolved now"):
        lifecycle.acknowledge(alert.pk, acting_user=make_user(), version=1)


def test_a_risen_severity_is_not_what_made_the_action_stale(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert = make_alert()
    lifecycle.acknowledge(alert.pk, acting_user=make_user(first_name="Ann"), version=1)
    AlertEvent.objects.create(alert=alert, kind=AlertEvent.Kind.ESCALATED, to_status="acknowledged")
    with pytest.raises(Refused, match="Ann acknowledged it"):
        lifecycle.resolve(alert.pk, acting_user=make_user(), version=1)


def test_an_alert_that_is_gone_is_refused_by_number(make_user: MakeUser) -> None:
    with pytest.raises(Refused, match="Alert #4711 no longer exists"):
        lifecycle.resolve(4711, acting_user=make_user(), version=1)


@pytest.mark.parametrize("status", lifecycle.OPEN)
def test_recovery_resolves_an_open_alert_without_an_actor(
    make_alert: MakeAlert, make_user: MakeUser, status: str
) -> None:
    alert = make_alert(status, by=make_user())
    assert lifecycle.resolve_recovered(alert.pk, "kept again")
    alert.refresh_from_db()
    assert (alert.status, alert.resolved_by) == ("resolved", None)
    assert alert.events.get().actor is None


def test_recovery_of_a_resolved_alert_does_nothing(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert = make_alert("resolved", by=make_user())
    assert not lifecycle.resolve_recovered(alert.pk, "kept again")
    assert not AlertEvent.objects.exists()


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_the_state_stays_when_its_event_cannot_be_stored(
    make_alert: MakeAlert, make_user: MakeUser, action: str
) -> None:
    alert = make_alert()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE alert_events ADD CONSTRAINT broken CHECK (note <> 'broken')")
    with pytest.raises(IntegrityError, match="broken"):
        ACTIONS[action](alert.pk, acting_user=make_user(), version=1, note="broken")
    alert.refresh_from_db()
    assert (alert.status, alert.version, alert.acknowledged_by) == ("firing", 1, None)


@pytest.mark.parametrize("status", Status.values)
def test_the_specified_flags_follow_the_status(
    make_alert: MakeAlert, make_user: MakeUser, status: str
) -> None:
    make_alert(status, by=make_user())
    alert = Alert.objects.get()
    assert alert.acknowledged == (status == "acknowledged")
    assert alert.resolved == (status == "resolved")


@pytest.mark.parametrize("open_as", lifecycle.OPEN)
def test_the_database_refuses_a_second_open_alert(
    make_alert: MakeAlert, make_user: MakeUser, open_as: str
) -> None:
    make_alert(open_as, by=make_user(), fingerprint="same")
    with pytest.raises(IntegrityError, match="one_open_alert"), transaction.atomic():
        make_alert(fingerprint="same")


def test_resolved_alerts_leave_room_for_an_open_one(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    for status in ("resolved", "resolved", "firing"):
        make_alert(status, by=make_user(), fingerprint="same")
    assert Alert.objects.filter(fingerprint="same").count() == 3


@pytest.mark.parametrize(
    ("status", "constraint"),
    [
        ("acknowledged", "acknowledged_alert_says_by_whom"),
        ("suppressed", "suppressed_alert_says_why"),
        ("resolved", "resolved_alert_says_when"),
    ],
)
def test_the_database_refuses_a_state_without_who_or_when(
    make_alert: MakeAlert, status: str, constraint: str
) -> None:
    alert = make_alert()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Alert.objects.filter(pk=alert.pk).update(status=status)


def test_an_acknowledgement_ends_when_its_time_is_over(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert, ann = make_alert(), make_user()
    lifecycle.acknowledge(alert.pk, acting_user=ann, version=1, expires_after=timedelta(minutes=30))
    assert lifecycle.expire_acknowledgements(timezone.now()) == 0
    assert lifecycle.expire_acknowledgements(timezone.now() + timedelta(minutes=31)) == 1
    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_by, alert.ack_expires_at) == ("firing", None, None)
    assert alert.events.last().agent == "acknowledgement expiry"


def test_who_acknowledges_what_is_nobodys_is_its_assignee(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    ann, ben = make_user(), make_user()
    free, taken = make_alert(), make_alert(assignee=ben)
    for alert in (free, taken):
        lifecycle.acknowledge(alert.pk, acting_user=ann, version=1)
    assert [Alert.objects.get(pk=a.pk).assignee for a in (free, taken)] == [ann, ben]


def test_a_resolved_alert_is_not_reopened_beside_a_newer_open_one(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    old = make_alert("resolved", by=make_user(), fingerprint="same")
    make_alert(fingerprint="same")
    with pytest.raises(Refused, match="has a newer open alert"):
        lifecycle.reopen(old.pk, acting_user=make_user(), version=1)
    assert not AlertEvent.objects.exists()


def test_a_suppressed_alert_fires_when_nothing_suppresses_it_any_more(
    make_alert: MakeAlert,
) -> None:
    alert = make_alert()
    assert lifecycle.suppress(alert.pk, "silence 7", "planned work")
    alert.refresh_from_db()
    assert (alert.status, alert.suppressed_by) == ("suppressed", "silence 7")
    assert lifecycle.fire(alert.pk, "the silence is over", agent="silence 7")
    alert.refresh_from_db()
    assert (alert.status, alert.suppressed_by) == ("firing", "")


def test_what_somebody_works_on_is_not_suppressed(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert = make_alert("acknowledged", by=make_user())
    assert not lifecycle.suppress(alert.pk, "silence 7", "planned work")


def test_every_change_waits_to_be_told(make_alert: MakeAlert, make_user: MakeUser) -> None:
    lifecycle.acknowledge(make_alert().pk, acting_user=make_user(), version=1)
    assert AlertEvent.objects.get().routed_at is None
