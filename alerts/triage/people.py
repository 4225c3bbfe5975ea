"""What people do with an alert beside its status: assign, hand over, comment, judge.

Each writes its AlertEvent in the transaction that makes the change. Status is
lifecycle's alone.
"""

import re
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import visibility
from accounts.models import Team, User
from alerts.delivery import nudge
from alerts.models import Alert, AlertEvent
from alerts.triage.lifecycle import OPEN, Refused, explain

# As usernames may be: letters, digits and @ . + - _, but a sentence's full stop is none.
MENTION = re.compile(r"(?<![\w@])@([\w.+-]*\w)")


def assign(
    alert_id: int,
    *,
    acting_user: User,
    version: int,
    assignee: User | None = None,
    team: Team | None = None,
    note: str = "",
) -> Alert:
    """Hand an open alert to a person, a team or both; to nobody when neither is given.

    Raises Refused when stale or resolved, and for a person who may not see the
    alert's client.
    """
    with transaction.atomic():
        moved = Alert.objects.filter(pk=alert_id, version=version, status__in=OPEN).update(
            assignee=assignee, team=team, version=F("version") + 1, changed_at=timezone.now()
        )
        if not moved:
            raise Refused(explain(alert_id, "assign", version))
        alert = Alert.objects.select_related("client").get(pk=alert_id)
        if assignee is not None and not may_see(assignee, alert):
            raise Refused(f"{assignee} may not see alerts of {alert.client}.")
        whom = " and ".join(str(one) for one in (assignee, team) if one is not None)
        data = {
            "assignee": assignee.pk if assignee else None,
            "team": team.pk if team else None,
            "to": whom or "nobody",
        }
        record(alert, AlertEvent.Kind.ASSIGNED, actor=acting_user, note=note, data=data)
    return alert


def comment(alert_id: int, *, acting_user: User, note: str) -> AlertEvent:
    """Say something on the timeline; people named as @username are told.

    A comment needs no version: it contradicts nothing. Raises Refused for an
    empty one, for an alert that is gone, and for a mention of somebody who is
    not there or may not see the alert.
    """
    if not note.strip():
        raise Refused("Write something: an empty comment says nothing.")
    with transaction.atomic():
        alert = Alert.objects.select_related("client").filter(pk=alert_id).first()
        if alert is None:
            raise Refused(f"Alert #{alert_id} no longer exists.")
        people = mentioned(note, alert)
        data = {"mentions": [person.pk for person in people]}
        return record(alert, AlertEvent.Kind.COMMENTED, actor=acting_user, note=note, data=data)


def mark(alert_id: int, *, acting_user: User, actionable: bool, note: str = "") -> Alert:
    """Judge the alert: did anybody need to be told? The latest word counts.

    Raises Refused for an alert that is gone.
    """
    with transaction.atomic():
        if not Alert.objects.filter(pk=alert_id).update(
            actionable=actionable, changed_at=timezone.now()
        ):
            raise Refused(f"Alert #{alert_id} no longer exists.")
        alert = Alert.objects.get(pk=alert_id)
        data = {"actionable": actionable}
        record(alert, AlertEvent.Kind.MARKED, actor=acting_user, note=note, data=data)
    return alert


def mentioned(note: str, alert: Alert) -> list[User]:
    """The people whom a note names as @username, in order. Raises Refused as comment does."""
    names = list(dict.fromkeys(MENTION.findall(note)))
    people = {user.username: user for user in User.objects.filter(username__in=names)}
    for name in names:
        if name not in people or not people[name].is_active:
            raise Refused(f"There is no active user “{name}” to mention. Check the name.")
        if not may_see(people[name], alert):
            raise Refused(f"{people[name]} may not see alerts of {alert.client}.")
    return [people[name] for name in names]


def may_see(user: User, alert: Alert) -> bool:
    """Whether the alert's client is one that the person may see."""
    return visibility.visible_clients(user).filter(pk=alert.client_id).exists()


def record(
    alert: Alert,
    kind: str,
    *,
    actor: User | None = None,
    agent: str = "",
    note: str = "",
    data: dict[str, Any] | None = None,
) -> AlertEvent:
    """An entry of the timeline that leaves the status as it is; call it inside the change."""
    nudge.after_commit()
    return AlertEvent.objects.create(
        alert=alert,
        kind=kind,
        actor=actor,
        agent=agent,
        from_status=alert.status,
        to_status=alert.status,
        note=note,
        data=data or {},
    )
