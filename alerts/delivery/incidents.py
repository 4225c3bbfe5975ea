"""People hear of an incident once: when it begins, when it gets graver, and when it is over.

What counts is what one channel and person has been told, for another channel's
routes may have left alerts of the same incident out.
"""

from collections.abc import Iterable

from django.db.models import Q

from accounts.models import User
from alerts.models import Alert, AlertEvent, Channel, Notification, Severity, Status

Kind, State, Held = AlertEvent.Kind, Notification.Status, Notification.Held
ALARMS = (
    Kind.OPENED,
    Kind.FIRED,
    Kind.REOPENED,
    Kind.ESCALATED,
    Kind.FLAPPING,
    Kind.STABLE,
)
# What was told, or will be without anybody's doing.
TOLD = (
    ~Q(status=State.WITHHELD, carrier=None)
    & ~Q(status=State.DEAD)
    & ~Q(status=State.WAITING, held=Held.HOURS)
)
_RANKS = list(Severity.values)


def told(alert: Alert, channel: Channel, recipient: User | None = None) -> list[AlertEvent]:
    """What a channel and person was told of the alert's incident."""
    if alert.incident_id is None:
        return []
    rows = Notification.objects.filter(
        TOLD, channel=channel, recipient=recipient, alert__incident_id=alert.incident_id
    )
    return [row.event for row in rows.select_related("event__alert") if row.event is not None]


def announces(event: AlertEvent, heard: Iterable[AlertEvent]) -> bool:
    """Whether the event is news to who heard these of its incident."""
    if event.kind == Kind.RESOLVED:
        return _is_over(event.alert, heard)
    if event.kind not in ALARMS:
        return True
    if event.alert.incident_id is None:
        was = event.data.get("was")
        return event.kind != Kind.ESCALATED or was is None or _rank(event) > _RANKS.index(was)
    gravest = _gravest(heard)
    return gravest is None or _rank(event) > gravest


def _is_over(alert: Alert, heard: Iterable[AlertEvent]) -> bool:
    if alert.incident_id is None:
        return True
    events = list(heard)
    clients = {one.alert.client_id for one in events} | {alert.client_id}
    others = Alert.objects.filter(incident_id=alert.incident_id, client__in=clients)
    open_ones = others.exclude(status=Status.RESOLVED).exists()
    return _gravest(events) is not None and not open_ones


def _gravest(heard: Iterable[AlertEvent]) -> int | None:
    """PURE: how grave the incident is to who heard these; None: nothing, or that it is over."""
    found: int | None = None
    for event in sorted(heard, key=lambda one: one.pk):
        if event.kind == Kind.RESOLVED:
            found = None
        elif event.kind in ALARMS:
            found = max(_rank(event), -1 if found is None else found)
    return found


def _rank(event: AlertEvent) -> int:
    return _RANKS.index(event.data.get("severity") or event.alert.severity)
