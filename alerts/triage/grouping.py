"""Alerts with one cause are one incident, and people hear of it once.

Alerts of one component, or of components that depend on one another, that fire
within a span of each other share an incident. It is open for as long as one of
its alerts is.

Locks are taken in one order, so that nobody waits in a circle: ``lock()``, then
an alert's row, then its incident's row.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from alerts.models import Alert, AlertEvent, Incident, Severity, Status
from alerts.triage.dependencies import Dependencies
from alerts.triage.incidents import Incidents

LOCK = 0x47525550
Kind = AlertEvent.Kind
# What tells that something is wrong; how wrong, stands in the event's data.
ALARMS = (
    Kind.OPENED,
    Kind.FIRED,
    Kind.REOPENED,
    Kind.ESCALATED,
    Kind.FLAPPING,
    Kind.STABLE,
)
# What a route that was sent it knows of the incident.
_NEWS = (*ALARMS, Kind.UNACKNOWLEDGED)
# Why an alarm is written down, but told by nobody.
SUPPRESSED, FLAPPING = "suppressed", "flapping"
_RANKS = list(Severity.values)
# What does not wake anybody.
_MILD = (Severity.LOW, Severity.MEDIUM)


def lock() -> None:
    """Until the transaction ends, nobody else opens or fires an alert.

    Two alerts with one cause often open at the same moment: each would find no
    incident to join, and no graver alert that explains it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def join(alert: Alert, now: datetime) -> bool:
    """Give a stored alert that fires its incident; whether it joined others that were in it.

    Call it under ``lock()``. An alert that had one keeps it; a closed one opens again.
    """
    if alert.incident_id is not None:
        Incident.objects.filter(pk=alert.incident_id).update(latest_at=now, closed_at=None)
        return False
    incidents = Incidents(now, Dependencies())
    joined = incidents.join(alert, now)
    incidents.store()
    alert.save(update_fields=["incident"])
    return joined


def follow(alert: Alert, before: str, *, quiet: str = "") -> tuple[dict[str, Any], bool]:
    """Bring the incident in line with an alert that has just changed its status.

    ``quiet`` says why nobody is told, if so. Returns what the event's data says
    of it, and whether the alert joined others.
    """
    if alert.status == Status.RESOLVED:
        return _left(alert), False
    data = alarm(alert, quiet)
    joined = False
    # An alert that was acknowledged while it was silenced has no incident yet.
    fires = alert.status == Status.FIRING and (
        before != Status.ACKNOWLEDGED or alert.incident_id is None
    )
    # What is suppressed at once needs no incident, but keeps the one that it had open.
    if fires and (quiet != SUPPRESSED or alert.incident_id is not None):
        joined = join(alert, timezone.now())
        data["incident"] = alert.incident_id
    return data, joined


def alarm(alert: Alert, quiet: str = "") -> dict[str, Any]:
    """What the event of an alert that is broken says of it, but for its incident."""
    quiet = quiet or (FLAPPING if alert.flapping else "")
    return {"severity": alert.severity} | ({"quiet": quiet} if quiet else {})


def joining(alert: Alert, title: str) -> AlertEvent:
    """That the alert joined others in its incident, which had this title then; not stored."""
    return AlertEvent(
        alert=alert,
        kind=Kind.GROUPED,
        from_status=alert.status,
        to_status=alert.status,
        note=f"Joined incident #{alert.incident_id}: {title}.",
        data={"incident": alert.incident_id},
    )


def tell_joined(alert: Alert) -> None:
    """Write that the alert joined others in its incident."""
    incident = alert.incident
    if incident is not None:
        joining(alert, incident.title).save(force_insert=True)


def announces(
    event: AlertEvent,
    told: Iterable[AlertEvent] | None = None,
    mine: Callable[[Alert], bool] | None = None,
) -> bool:
    """Whether people are to hear of this event, given what they heard of its incident.

    ``told`` are the events of the same incident that one route has been sent, ``mine``
    says which alerts are the route's at all (without it: every one); the route hears
    that it is over when all of those are. Without ``told``, it is asked for somebody who
    hears everything of the alert's client. Keep the incident's row locked from reading
    ``told`` until what follows from it is stored.
    """
    alert = event.alert
    if event.kind == Kind.GROUPED:
        return False
    if event.kind == Kind.RESOLVED:
        return _announces_end(event, told, mine)
    if event.kind not in ALARMS:
        # What people do to an alert is not the incident's.
        return True
    if event.to_status not in (Status.FIRING, Status.ACKNOWLEDGED) or event.data.get("quiet"):
        return False
    if alert.incident_id is None:
        return event.kind != Kind.ESCALATED or _is_news(event, event.data.get("was"))
    heard = _heard(_before(event) if told is None else told)
    return heard is None or _is_news(event, _RANKS[heard])


def escalation(alert: Alert, before: str) -> dict[str, Any]:
    """What the event of a changed severity says of it."""
    return {"severity": alert.severity, "was": before}


def _left(alert: Alert) -> dict[str, Any]:
    """Close the incident after its last alert; says whether the client has others in it."""
    if alert.incident_id is None:
        return {}
    # The lock before the look: of the last two, each would find the other still open.
    incident = Incident.objects.select_for_update().get(pk=alert.incident_id)
    still_open = incident.alerts.exclude(status=Status.RESOLVED)
    if not still_open.exists():
        Incident.objects.filter(pk=incident.pk).update(closed_at=timezone.now())
    last = not still_open.filter(client=alert.client_id).exists()
    return {"incident": incident.pk, "last": last}


def _announces_end(
    event: AlertEvent,
    told: Iterable[AlertEvent] | None,
    mine: Callable[[Alert], bool] | None,
) -> bool:
    alert = event.alert
    if alert.incident_id is None:
        fired = event.from_status in (Status.FIRING, Status.ACKNOWLEDGED)
        return fired if told is None else _heard(told) is not None
    if told is None:
        return bool(event.data.get("last")) and _heard(_before(event)) is not None
    if _heard(told) is None:
        return False
    others = Alert.objects.filter(incident=alert.incident).exclude(status=Status.RESOLVED)
    if mine is None:
        return not others.exists()
    return not any(mine(one) for one in others.select_related("client", "team"))


def _before(event: AlertEvent) -> list[AlertEvent]:
    """Of the incident, what the people of the alert's client can have been told before."""
    earlier = AlertEvent.objects.filter(
        alert__incident=event.alert.incident,
        alert__client_id=event.alert.client_id,
        pk__lt=event.pk,
    ).filter(
        Q(
            kind__in=[*ALARMS, Kind.UNACKNOWLEDGED],
            to_status__in=[Status.FIRING, Status.ACKNOWLEDGED],
        )
        | Q(kind=Kind.RESOLVED, data__last=True)
    )
    told: list[AlertEvent] = []
    for one in earlier.select_related("alert").order_by("pk"):
        heard = _heard(told)
        always = one.kind in (Kind.RESOLVED, Kind.UNACKNOWLEDGED) or heard is None
        if not one.data.get("quiet") and (always or _is_news(one, _RANKS[heard or 0])):
            told.append(one)
    return told


def _heard(told: Iterable[AlertEvent]) -> int | None:
    """PURE: how grave the incident is to who was told these; None: nothing, or that it is over."""
    heard: int | None = None
    for event in sorted(told, key=lambda one: one.pk):
        if event.kind == Kind.RESOLVED:
            heard = None
        elif event.kind in _NEWS:
            heard = max(_rank(event), -1 if heard is None else heard)
    return heard


def _rank(event: AlertEvent) -> int:
    return _RANKS.index(event.data.get("severity") or event.alert.severity)


def _is_news(event: AlertEvent, known: str | None) -> bool:
    """PURE: whether people who know of a severity must hear of the event's.

    Only that it became critical, where they know of a medium one at most: a breach that
    grows passes single steps within minutes, and who was told is looking at it already.
    """
    return _RANKS[_rank(event)] == Severity.CRITICAL and known in _MILD
