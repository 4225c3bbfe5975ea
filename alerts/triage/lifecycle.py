"""The one table of legal transitions, and the only code that changes an alert's status.

Every change is a conditional UPDATE with its AlertEvent in one transaction. A
person's action names the version of the alert that it was decided on: if the
alert has changed since, the action is refused with what happened meanwhile.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from alerts.delivery import nudge
from alerts.models import Alert, AlertEvent, Resolution, Status

TRANSITIONS: dict[tuple[str, str], str] = {
    (Status.PENDING, "fire"): Status.FIRING,
    (Status.PENDING, "suppress"): Status.SUPPRESSED,
    (Status.PENDING, "resolve"): Status.RESOLVED,
    (Status.FIRING, "acknowledge"): Status.ACKNOWLEDGED,
    (Status.FIRING, "suppress"): Status.SUPPRESSED,
    (Status.FIRING, "resolve"): Status.RESOLVED,
    # Who has taken it on is not to be disturbed: silences leave it alone.
    (Status.ACKNOWLEDGED, "unacknowledge"): Status.FIRING,
    (Status.ACKNOWLEDGED, "resolve"): Status.RESOLVED,
    (Status.SUPPRESSED, "fire"): Status.FIRING,
    (Status.SUPPRESSED, "acknowledge"): Status.ACKNOWLEDGED,
    (Status.SUPPRESSED, "resolve"): Status.RESOLVED,
    (Status.RESOLVED, "reopen"): Status.FIRING,
}
OPEN = (Status.PENDING, Status.FIRING, Status.ACKNOWLEDGED, Status.SUPPRESSED)
# What a person may do; the rest is the portal's.
BY_PEOPLE = ("acknowledge", "unacknowledge", "resolve", "reopen")
_KINDS = {
    "fire": AlertEvent.Kind.FIRED,
    "suppress": AlertEvent.Kind.SUPPRESSED,
    "acknowledge": AlertEvent.Kind.ACKNOWLEDGED,
    "unacknowledge": AlertEvent.Kind.UNACKNOWLEDGED,
    "resolve": AlertEvent.Kind.RESOLVED,
    "reopen": AlertEvent.Kind.REOPENED,
}
_NO_ACKNOWLEDGEMENT: dict[str, Any] = {
    "acknowledged_by": None,
    "acknowledged_at": None,
    "ack_expires_at": None,
}


class Refused(Exception):
    """The action is not legal in the alert's present state; the message says why."""


def legal_actions(status: str) -> list[str]:
    """What a person can do with an alert of this status."""
    return [action for (state, action) in TRANSITIONS if state == status and action in BY_PEOPLE]


def acknowledge(
    alert_id: int,
    *,
    acting_user: User,
    version: int,
    note: str = "",
    expires_after: timedelta | None = None,
    agent: str = "",
) -> Alert:
    """Take the alert on, for good or for a time. Raises Refused when stale or not legal.

    Who takes on an alert that is nobody's becomes its assignee.
    """
    now = timezone.now()
    ends = now + expires_after if expires_after else None
    changes = {
        "acknowledged_by": acting_user,
        "acknowledged_at": now,
        "ack_expires_at": ends,
        "suppressed_by": "",
    }
    data = {"expires_at": ends.isoformat()} if ends else {}
    with transaction.atomic():
        alert = _transition(
            alert_id, "acknowledge", acting_user, version, note, changes, agent=agent, data=data
        )
        # One who is not active stands for a link that somebody unknown used.
        if alert.assignee_id is None and acting_user.is_active:
            Alert.objects.filter(pk=alert_id).update(assignee=acting_user)
            alert.assignee = acting_user
    return alert


def unacknowledge(alert_id: int, *, acting_user: User, version: int, note: str = "") -> Alert:
    """Hand the alert back: it fires again. Raises Refused when stale or not acknowledged."""
    changes = dict(_NO_ACKNOWLEDGEMENT)
    return _transition(alert_id, "unacknowledge", acting_user, version, note, changes)


def resolve(
    alert_id: int,
    *,
    acting_user: User,
    version: int,
    note: str = "",
    resolution: str = "",
    agent: str = "",
) -> Alert:
    """Close the alert by hand. Raises Refused when stale or already resolved.

    ``resolution`` is one of Resolution, or empty. Raises ValueError for another.
    """
    if resolution and resolution not in Resolution.values:
        raise ValueError(f"“{resolution}” is no resolution: {', '.join(Resolution.values)}.")
    changes = {
        "resolved_by": acting_user,
        "resolved_at": timezone.now(),
        "resolution": resolution,
        "ack_expires_at": None,
        "suppressed_by": "",
    }
    data = {"resolution": resolution} if resolution else {}
    return _transition(
        alert_id, "resolve", acting_user, version, note, changes, agent=agent, data=data
    )


def reopen(
    alert_id: int, *, acting_user: User | None = None, version: int, note: str = "", agent: str = ""
) -> Alert:
    """Open a resolved alert again, by a person or because the breach came back at once.

    Raises Refused when stale, not resolved, or when the same breach has a newer
    open alert.
    """
    changes = {
        **_NO_ACKNOWLEDGEMENT,
        "resolved_by": None,
        "resolved_at": None,
        "resolution": "",
        "reopened": F("reopened") + 1,
    }
    try:
        return _transition(alert_id, "reopen", acting_user, version, note, changes, agent=agent)
    except IntegrityError as error:
        if "one_open_alert" not in str(error):
            raise
        raise Refused(
            f"Alert #{alert_id} can't be opened again: the same breach has a newer open alert."
        ) from error


def resolve_recovered(alert_id: int, note: str, agent: str = "evaluation") -> bool:
    """Close the alert because its promise is kept again; False when someone else closed it."""
    changes = {
        "resolved_at": timezone.now(),
        "resolution": Resolution.RECOVERED,
        "ack_expires_at": None,
        "suppressed_by": "",
    }
    return _by_portal(alert_id, "resolve", note, changes, agent)


def fire(alert_id: int, note: str, agent: str = "evaluation") -> bool:
    """A pending or suppressed alert is to be told; False when it is neither any more."""
    return _by_portal(alert_id, "fire", note, {"suppressed_by": ""}, agent)


def suppress(alert_id: int, by: str, note: str, agent: str = "") -> bool:
    """Nobody is told for now, ``by`` says why ("silence 7"); False when it is out of reach."""
    if not by:
        raise ValueError("A suppression must say by what.")
    return _by_portal(alert_id, "suppress", note, {"suppressed_by": by[:255]}, agent or by)


def expire_acknowledgements(now: datetime) -> int:
    """Let alerts fire again whose acknowledgement has ended; return how many."""
    due = Alert.objects.filter(status=Status.ACKNOWLEDGED, ack_expires_at__lte=now)
    return sum(
        _by_portal(
            alert_id,
            "unacknowledge",
            "The acknowledgement ended without a resolution.",
            dict(_NO_ACKNOWLEDGEMENT),
            "acknowledgement expiry",
            version,
        )
        for alert_id, version in due.values_list("pk", "version")
    )


def _by_portal(
    alert_id: int,
    action: str,
    note: str,
    changes: dict[str, Any],
    agent: str,
    version: int | None = None,
) -> bool:
    """A transition that nobody waits for: False instead of Refused."""
    legal = [state for (state, name) in TRANSITIONS if name == action]
    alert = Alert.objects.filter(pk=alert_id, status__in=legal).only("version").first()
    if alert is None:
        return False
    try:
        _transition(alert_id, action, None, version or alert.version, note, changes, agent=agent)
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
    *,
    agent: str = "",
    data: dict[str, Any] | None = None,
) -> Alert:
    now = timezone.now()
    with transaction.atomic():
        legal_from = {state: to for (state, name), to in TRANSITIONS.items() if name == action}
        for state, to in legal_from.items():
            fired = {"fired_at": now} if to == Status.FIRING else {}
            moved = Alert.objects.filter(pk=alert_id, version=version, status=state).update(
                status=to, version=F("version") + 1, changed_at=now, **fired, **changes
            )
            if moved:
                AlertEvent.objects.create(
                    alert_id=alert_id,
                    kind=_KINDS[action],
                    actor=actor,
                    agent=agent,
                    from_status=state,
                    to_status=to,
                    note=note,
                    data=data or {},
                )
                nudge.after_commit()
                return Alert.objects.get(pk=alert_id)
    raise Refused(explain(alert_id, action, version))


def explain(alert_id: int, action: str, version: int) -> str:
    """Why ``action`` is refused: what happened meanwhile, or what it is now."""
    alert = Alert.objects.filter(pk=alert_id).first()
    if alert is None:
        return f"Alert #{alert_id} no longer exists."
    status = alert.get_status_display().lower()
    if alert.version != version:
        # A severity may have changed since too, but that is no reason to refuse.
        moves = alert.events.filter(kind__in=[*_KINDS.values(), AlertEvent.Kind.ASSIGNED])
        last = moves.select_related("actor").order_by("-at", "-id").first()
        who = (str(last.actor) if last.actor else "The portal") if last else "Someone"
        what = last.get_kind_display().lower() if last else "changed"
        return (
            f"Alert #{alert_id} has changed since you opened it: {who} {what} it; "
            f"it is {status} now. Look again before you {action} it."
        )
    return f"Alert #{alert_id} is {status}: you can't {action} it."
