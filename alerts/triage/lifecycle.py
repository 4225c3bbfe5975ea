"""The one table of legal transitions, and the only code that changes an alert's status.

Every change is a conditional UPDATE with its AlertEvent in one transaction. A
person's action names the version of the alert that it was decided on: if the
alert has changed since, the action is refused with what happened meanwhile.
"""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from alerts.models import Alert, AlertEvent, Status

TRANSITIONS: dict[tuple[str, str], str] = {
    (Status.FIRING, "acknowledge"): Status.ACKNOWLEDGED,
    (Status.FIRING, "resolve"): Status.RESOLVED,
    (Status.ACKNOWLEDGED, "resolve"): Status.RESOLVED,
}
OPEN = (Status.FIRING, Status.ACKNOWLEDGED)
_KINDS = {
    "acknowledge": AlertEvent.Kind.ACKNOWLEDGED,
    "resolve": AlertEvent.Kind.RESOLVED,
}


class Refused(Exception):
    """The action is not legal in the alert's present state; the message says why."""


def legal_actions(status: str) -> list[str]:
    """What can be done with an alert of this status."""
    return [action for (state, action) in TRANSITIONS if state == status]


def acknowledge(alert_id: int, *, acting_user: User, version: int, note: str = "") -> Alert:
    """Take the alert on. Raises Refused when stale or not firing."""
    changes = {"acknowledged_by": acting_user, "acknowledged_at": timezone.now()}
    return _transition(alert_id, "acknowledge", acting_user, version, note, changes)


def resolve(alert_id: int, *, acting_user: User, version: int, note: str = "") -> Alert:
    """Close the alert by hand. Raises Refused when stale or already resolved."""
    changes = {"resolved_by": acting_user, "resolved_at": timezone.now()}
    return _transition(alert_id, "resolve", acting_user, version, note, changes)


def resolve_recovered(alert_id: int, note: str) -> bool:
    """Close the alert because its promise is kept again; False when someone else closed it."""
    alert = Alert.objects.filter(pk=alert_id, status__in=OPEN).first()
    if alert is None:
        return False
    try:
        changes = {"resolved_at": timezone.now()}
        _transition(alert_id, "resolve", None, alert.version, note, changes)
    except Refused:
        return False
    return True


def _transition(
    alert_id: int,
    action: str,
    actor: User | None,
    version: int,
    note: str,
    changes: dict[str, Any],
) -> Alert:
    with transaction.atomic():
        legal_from = {state: to for (state, name), to in TRANSITIONS.items() if name == action}
        for state, to in legal_from.items():
            moved = Alert.objects.filter(pk=alert_id, version=version, status=state).update(
                status=to, version=F("version") + 1, **changes
            )
            if moved:
                AlertEvent.objects.create(
                    alert_id=alert_id,
                    kind=_KINDS[action],
                    actor=actor,
                    from_status=state,
                    to_status=to,
                    note=note,
                )
                return Alert.objects.get(pk=alert_id)
    raise Refused(_explain(alert_id, action, version))


def _explain(alert_id: int, action: str, version: int) -> str:
    alert = Alert.objects.filter(pk=alert_id).first()
    if alert is None:
        return f"Alert #{alert_id} no longer exists."
    status = alert.get_status_display().lower()
    if alert.version != version:
        # A severity may have changed since too, but that is no reason to refuse.
        moves = alert.events.filter(kind__in=_KINDS.values()).select_related("actor")
        last = moves.order_by("-at", "-id").first()
        who = (str(last.actor) if last.actor else "The portal") if last else "Someone"
        what = last.get_kind_display().lower() if last else "changed"
        return (
            f"Alert #{alert_id} has changed since you opened it: {who} {what} it; "
            f"it is {status} now. Look again before you {action} it."
        )
    return f"Alert #{alert_id} is {status}: you can't {action} it."
