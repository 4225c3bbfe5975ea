"""Whom each event tells: decided once, in the transaction that marks the event as routed."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from alerts import matching
from alerts.delivery import incidents, outbox
from alerts.models import Alert, AlertEvent, Channel, Notification, Route, Severity, Status
from alerts.triage import grouping
from alerts.triage.people import may_see
from metrics.models import Component

logger = logging.getLogger(__name__)

Kind, Held, State = AlertEvent.Kind, Notification.Held, Notification.Status
BATCH = 100
LOCK = 0x524F5554
# What sends people to look. An acknowledgement that ended by itself needs somebody again.
TELLING = frozenset(
    {
        Kind.OPENED,
        Kind.FIRED,
        Kind.ESCALATED,
        Kind.REOPENED,
        Kind.FLAPPING,
        Kind.STABLE,
        Kind.UNACKNOWLEDGED,
    }
)
# What is for single people: event data that names them, and why they are told.
PERSONAL = {
    Kind.ASSIGNED: ("assignee", "it was assigned to you"),
    Kind.COMMENTED: ("mentions", "you are mentioned"),
    Kind.PAGED: ("users", "nobody has taken it on"),
}
QUIET = frozenset({Status.PENDING, Status.SUPPRESSED})


@dataclass(frozen=True)
class Rules:
    """What decides: read once a batch."""

    routes: list[tuple[Route, list[Channel]]]
    # component → the team that owns it
    teams: dict[str, int | None]

    @classmethod
    def read(cls) -> "Rules":
        """The enabled routes in their order, with their enabled channels."""
        routes = Route.objects.filter(enabled=True).prefetch_related("channels")
        return cls(
            [
                (route, [one for one in route.channels.all() if one.enabled and not one.for_people])
                for route in routes
            ],
            dict(Component.objects.values_list("code", "team_id")),
        )


def route_new_events(now: datetime | None = None) -> int:
    """Decide for every event that waits whom it tells; return how many were decided.

    While another worker decides this one leaves. Whoever decides looks once more
    after it has let go, so that no event falls between two of them.
    """
    decided, failed = 0, set[int]()
    while True:
        found = _route_batch(now or timezone.now(), failed)
        if found is None:
            return decided
        decided += found
        waiting = AlertEvent.objects.filter(routed_at=None).exclude(pk__in=failed)
        if not found and not waiting.exists():
            return decided


def _route_batch(now: datetime, failed: set[int]) -> int | None:
    """Decide for some events in one transaction; None while somebody else does.

    An event that can't be handled is left for the next pass, and stops no other.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                return None
        events = list(
            AlertEvent.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(routed_at=None)
            .exclude(pk__in=failed)
            .select_related("alert__client", "alert__team", "actor")
            .order_by("id")[:BATCH]
        )
        done, rules = [], Rules.read() if events else None
        for event in events:
            try:
                with transaction.atomic():
                    route(event, rules, now)
                done.append(event.pk)
            except Exception:
                failed.add(event.pk)
                logger.exception("an event could not be routed", extra={"event": event.pk})
        AlertEvent.objects.filter(pk__in=done).update(routed_at=now)
        return len(done)


def route(event: AlertEvent, rules: Rules | None, now: datetime) -> None:
    """Write the notifications of one event."""
    rules = rules or Rules.read()
    if event.kind in TELLING:
        rows = list(_telling(event, rules, now))
    elif event.kind == Kind.RESOLVED:
        rows = list(_closing(event, rules, now))
    elif event.kind in PERSONAL:
        rows = list(_personal(event, rules, now))
    else:
        return
    # An escalation may have told the same channel in the event's own transaction.
    Notification.objects.bulk_create(rows, ignore_conflicts=True)


def targets(alert: Alert, rules: Rules, team_id: int | None = None) -> dict[Channel, Route]:
    """The channels that the routes lead to, each with the first route that does.

    With a team, only by routes of that team.
    """
    found: dict[Channel, Route] = {}
    facts = matching.facts(alert)
    for one, channels in rules.routes:
        if team_id is not None and one.team_id != team_id:
            continue
        if not _fits(one, alert, facts, rules):
            continue
        for channel in channels:
            found.setdefault(channel, one)
        if not one.goes_on:
            break
    return found


def _fits(one: Route, alert: Alert, facts: dict[str, str], rules: Rules) -> bool:
    ranks = list(Severity.values)
    if ranks.index(alert.severity) < ranks.index(one.severity_floor):
        return False
    # Whom it was handed to decides; else whose component it is.
    team = alert.team_id or rules.teams.get(alert.component)
    if one.team_id is not None and one.team_id != team:
        return False
    return matching.matches(one.matchers, facts)


def _telling(event: AlertEvent, rules: Rules, now: datetime) -> Iterator[Notification]:
    alert = event.alert
    if event.to_status == Status.PENDING:
        return
    if event.kind == Kind.UNACKNOWLEDGED and event.actor_id is not None:
        # Who hands it back knows, and the escalation goes on.
        return
    for channel, one in targets(alert, rules).items():
        held, note = _withheld(event)
        if not held and not grouping.announces(event, incidents.told(alert, channel)):
            held, note = Held.INCIDENT, ""
        yield outbox.entry(
            event, channel, now=now, route=one, why=f"route {one}", held=held, held_note=note
        )


def _withheld(event: AlertEvent) -> tuple[str, str]:
    """Why nobody is told, if so; by how the alert is now, for a silence may have come since."""
    alert = event.alert
    quiet = event.data.get("quiet")
    if event.to_status in QUIET or alert.status in QUIET or quiet == Held.SUPPRESSED:
        return Held.SUPPRESSED, alert.suppressed_by
    if quiet == Held.FLAPPING or (alert.flapping and event.kind != Kind.FLAPPING):
        return Held.FLAPPING, ""
    return Held.NO, ""


def _closing(event: AlertEvent, rules: Rules, now: datetime) -> Iterator[Notification]:
    _drop_those_that_wait_for_hours(event, now)
    for before in _told(event.alert):
        if before.route is not None and not before.route.notify_resolved:
            continue
        if before.recipient_id is not None and before.recipient_id == event.actor_id:
            continue
        held = Held.FLAPPING if event.alert.flapping else Held.NO
        heard = incidents.told(event.alert, before.channel, before.recipient)
        mine = partial(_leads_to, before.channel, rules)
        if not held and not grouping.announces(event, heard, mine):
            held = Held.INCIDENT
        yield outbox.entry(
            event,
            before.channel,
            now=now,
            recipient=before.recipient,
            route=before.route,
            why=before.why,
            held=held,
        )


def _leads_to(channel: Channel, rules: Rules, alert: Alert) -> bool:
    return channel in targets(alert, rules)


def _drop_those_that_wait_for_hours(event: AlertEvent, now: datetime) -> None:
    waiting = Notification.objects.filter(alert_id=event.alert_id, status=State.WAITING)
    waiting.filter(held=Held.HOURS, due_at__gt=now).update(
        status=State.WITHHELD, held=Held.RESOLVED
    )


def _told(alert: Alert) -> list[Notification]:
    """The last that each channel and person got of the alert or its incident.

    Not where that told that it is over.
    """
    of = {"alert": alert} if alert.incident_id is None else {"alert__incident": alert.incident_id}
    latest = (
        Notification.objects.filter(incidents.TOLD, channel__enabled=True, **of)
        # Who was only named in a comment has not been given the alert.
        .exclude(event__kind=Kind.COMMENTED)
        .select_related("channel", "recipient", "route", "event")
        .order_by("channel_id", "recipient_id", "-id")
        .distinct("channel_id", "recipient_id")
    )
    return [one for one in latest if one.event and one.event.kind != Kind.RESOLVED]


def _personal(event: AlertEvent, rules: Rules, now: datetime) -> Iterator[Notification]:
    data: dict[str, Any] = event.data
    if event.kind == Kind.ASSIGNED and data.get("team"):
        for channel, one in targets(event.alert, rules, team_id=data["team"]).items():
            yield outbox.entry(event, channel, now=now, route=one, why=f"handed over, route {one}")
    name, why = PERSONAL[Kind(event.kind)]
    ids = data.get(name) or []
    ids = ids if isinstance(ids, list) else [ids]
    why = str(data.get("reason") or why)
    people = User.objects.filter(pk__in=ids, is_active=True)
    by_mail = outbox.for_people() if people else None
    for person in people:
        # What somebody does themselves they know; rights may have gone since.
        if by_mail is None or person.pk == event.actor_id or not person.email:
            continue
        if may_see(person, event.alert):
            yield outbox.entry(event, by_mail, now=now, recipient=person, why=why)
