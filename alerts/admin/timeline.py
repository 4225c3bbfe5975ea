"""An alert's timeline in words: the newest first."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from accounts.models import User
from alerts.admin import badges, prose
from alerts.models import Alert, AlertEvent, Resolution

MOST_EVENTS = 200
PORTAL = "the portal"
Kind = AlertEvent.Kind


@dataclass(frozen=True)
class Step:
    """One entry."""

    id: int
    kind: str
    label: str
    who: str
    by_person: bool
    detail: str
    at: datetime
    change: tuple[SafeString, ...]
    note: SafeString


def steps(alert: Alert) -> list[Step]:
    """The newest MOST_EVENTS, in two queries."""
    events = list(alert.events.select_related("actor").order_by("-at", "-id")[:MOST_EVENTS])
    told = {pk for event in events for pk in event.data.get("mentions", [])}
    names = dict(User.objects.filter(pk__in=told).values_list("pk", "username")) if told else {}
    return [step(event, names) for event in events]


def step(event: AlertEvent, names: dict[int, str]) -> Step:
    """PURE: one event; ``names`` are the usernames of people who may be mentioned in it."""
    statuses = [s for s in (event.from_status, event.to_status) if s]
    told = {names[pk] for pk in event.data.get("mentions", []) if pk in names}
    return Step(
        id=event.pk,
        kind=event.kind,
        label=Kind(event.kind).label,
        who=_who(event),
        by_person=event.actor is not None,
        detail=_detail(event),
        at=event.at,
        change=tuple(badges.status(s) for s in dict.fromkeys(statuses)),
        note=prose.note(event.note, told),
    )


def latest(found: list[Step], to: User) -> str:
    """What somebody else did last, as one sentence; "" where it was ``to``, or nobody."""
    last = found[0] if found else None
    if last is None or last.who == str(to):
        return ""
    return " ".join(filter(None, (f"{last.label} by {last.who}", last.detail)))


def _who(event: AlertEvent) -> str:
    if event.actor is not None:
        return f"{event.actor} ({event.agent})" if event.agent else str(event.actor)
    return f"{PORTAL} ({event.agent})" if event.agent else PORTAL


def _detail(event: AlertEvent) -> str:
    data = event.data
    if event.kind == Kind.ASSIGNED and data.get("to"):
        return f"to {data['to']}"
    if event.kind == Kind.ACKNOWLEDGED:
        until = parse_datetime(data.get("expires_at") or "")
        return f"until {timezone.localtime(until):%H:%M}" if until else ""
    if event.kind == Kind.RESOLVED and data.get("resolution") in Resolution.values:
        return f"as “{Resolution(data['resolution']).label}”"
    if event.kind == Kind.MARKED and "actionable" in data:
        return "as actionable" if data["actionable"] else "as not actionable"
    return ""
