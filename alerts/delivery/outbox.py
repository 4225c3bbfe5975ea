"""Writes what is to be told: one row per event, channel and person, in the caller's transaction.

What comes above a channel's messages a minute is collapsed into one summary, what
a route gathers into a digest: the single rows stay, withheld, and point to the
row that carries them.
"""

from datetime import UTC, datetime, timedelta
from itertools import count

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from alerts.delivery import nudge
from alerts.delivery.hours import opens_at
from alerts.models import AlertEvent, Channel, Notification, Route, Severity
from alerts.triage.people import may_see

Form, Held, State = Notification.Form, Notification.Held, Notification.Status
STORM_SPAN = timedelta(minutes=1)


def notify_channel(event: AlertEvent, channel: Channel, *, reason: str = "") -> Notification:
    """Tell a channel of the event, whatever the routes say; once, however often it is called.

    Call it in the transaction that writes the event. ``reason`` is shown to those
    who are told, e.g. “step 2 of the escalation Night shift”.
    """
    return _once(event, channel, None, reason)


def notify_user(event: AlertEvent, user: User, *, reason: str = "") -> Notification | None:
    """Tell a person of the event by the channel for mails to people; as notify_channel.

    None when nobody can: no such channel, no e-mail address, or a person who is
    not active or may not see the alert's client.
    """
    channel = for_people()
    if channel is None or not user.email or not user.is_active:
        return None
    if not may_see(user, event.alert):
        return None
    return _once(event, channel, user, reason)


def for_people() -> Channel | None:
    """The channel that reaches single people."""
    return Channel.objects.filter(for_people=True, enabled=True).first()


def entry(
    event: AlertEvent,
    channel: Channel,
    *,
    now: datetime,
    recipient: User | None = None,
    route: Route | None = None,
    why: str = "",
    held: str = Held.NO,
    held_note: str = "",
) -> Notification:
    """The row, not yet stored: due now or when hours begin, gathered, or withheld."""
    row = Notification(
        event=event,
        alert_id=event.alert_id,
        channel=channel,
        recipient=recipient,
        route=route,
        why=why[:255],
        held=held,
        held_note=held_note[:255],
        created_at=now,
        due_at=now,
    )
    if held != Held.NO:
        row.status = State.WITHHELD
    elif route is not None and _gathers(route, event):
        _join(row, Form.DIGEST, timedelta(minutes=route.digest_minutes or 1), now)
    elif _is_storm(row, now):
        _join(row, Form.STORM, STORM_SPAN, now)
    else:
        row.due_at = _opens(route, now)
        row.held = Held.HOURS if row.due_at > now else Held.NO
    return row


def _once(event: AlertEvent, channel: Channel, recipient: User | None, reason: str) -> Notification:
    same = Notification.objects.filter(event=event, channel=channel, recipient=recipient)
    found = same.first()
    if found is None:
        row = entry(event, channel, now=timezone.now(), recipient=recipient, why=reason)
        # Somebody may have come first since we looked.
        Notification.objects.bulk_create([row], ignore_conflicts=True)
        nudge.after_commit()
        found = same.get()
    return found


def _gathers(route: Route, event: AlertEvent) -> bool:
    ranks = list(Severity.values)
    low = ranks.index(event.alert.severity) <= ranks.index(route.digest_up_to)
    return route.digest_minutes is not None and low


def _is_storm(row: Notification, now: datetime) -> bool:
    limit = row.channel.storm_per_minute
    if not limit:
        return False
    same = Notification.objects.filter(**row.to_whom())
    # What waits for a summary must not be overtaken by what comes after it.
    if same.filter(form=Form.STORM, status=State.WAITING, attempts=0, due_at__gt=now).exists():
        return True
    recent = same.filter(form=Form.SINGLE, created_at__gt=now - STORM_SPAN)
    return recent.exclude(status=State.WITHHELD)[:limit].count() >= limit


def _join(row: Notification, form: str, span: timedelta, now: datetime) -> None:
    """Withhold the row, and have it carried by the bundle that is being gathered."""
    row.status = State.WITHHELD
    row.held = Held.DIGEST if form == Form.DIGEST else Held.STORM
    row.carrier = _carrier(row, form, span, now)


def _carrier(row: Notification, form: str, span: timedelta, now: datetime) -> Notification:
    """The bundle's row, locked: until this transaction ends nobody sends it without ours.

    One that somebody has begun to send takes nothing more, even when it is tried
    again: its receiver may have it, and would drop the repeat.
    """
    first = int(now.timestamp() // span.total_seconds())
    for number in count(first):
        ends = datetime.fromtimestamp((number + 1) * span.total_seconds(), UTC)
        bundle = f"{form}:{row.route_id or 0}:{span.total_seconds():.0f}:{number}"
        fresh = Notification(
            channel=row.channel,
            recipient=row.recipient,
            route=row.route if form == Form.DIGEST else None,
            form=form,
            bundle=bundle if form == Form.DIGEST else f"{form}:{number}",
            created_at=now,
            due_at=_opens(row.route, ends),
            why=row.why if form == Form.DIGEST else "more at once than the channel is to carry",
        )
        Notification.objects.bulk_create([fresh], ignore_conflicts=True)
        same = Q(**row.to_whom(), bundle=fresh.bundle)
        found = Notification.objects.select_for_update().get(same)
        if found.status == State.WAITING and found.attempts == 0:
            return found
    raise AssertionError("unreachable")


def _opens(route: Route | None, at: datetime) -> datetime:
    return at if route is None else opens_at(route.hours, route.time_zone, at)
