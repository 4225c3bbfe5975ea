"""Calendars of who is on call, at secret addresses: made, replaced, ended and read.

Whoever knows an address may read it, so calendar programs need no password. Only a
hash of the secret is stored; a lost address is replaced by a new one.
"""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from accounts.models import User
from alerts.delivery import ical, oncall, rota
from alerts.models import OnCallFeed, OnCallSchedule

BEFORE, AHEAD = timedelta(days=30), timedelta(days=180)
REFRESH = timedelta(minutes=30)
BYTES = 32  # of a secret


def issue(
    *, acting_user: User, schedule: OnCallSchedule | None = None, user: User | None = None
) -> str:
    """A new secret for a schedule's or a person's calendar; the one before ends. Shown once."""
    if (schedule is None) == (user is None):
        raise ValueError("A calendar is of one schedule or of one person.")
    token = secrets.token_urlsafe(BYTES)
    values = {"digest": _digest(token), "made_by": acting_user}
    OnCallFeed.objects.update_or_create(schedule=schedule, user=user, defaults=values)
    return token


def revoke(*, schedule: OnCallSchedule | None = None, user: User | None = None) -> bool:
    """End the calendar's address; False when there is none."""
    return bool(OnCallFeed.objects.filter(schedule=schedule, user=user).delete()[0])


def read(token: str, now: datetime) -> bytes | None:
    """The calendar at this address; None when there is none, or its person is not active."""
    feeds = OnCallFeed.objects.select_related("schedule__team", "user")
    feed = feeds.filter(digest=_digest(token)).first()
    if feed is None:
        return None
    if feed.schedule is not None:
        entries = _of_schedules([feed.schedule], now, None)
        return ical.calendar(f"On call: {feed.schedule}", entries, now, REFRESH)
    if feed.user is None or not feed.user.is_active:
        return None
    entries = _of_schedules(list(OnCallSchedule.objects.select_related("team")), now, feed.user)
    return ical.calendar(f"{feed.user} on call", entries, now, REFRESH)


def _of_schedules(
    schedules: list[OnCallSchedule], now: datetime, only: User | None
) -> Iterator[ical.Entry]:
    since, until = now - BEFORE, now + AHEAD
    pks = [schedule.pk for schedule in schedules]
    plans = oncall.plans(OnCallSchedule.objects.filter(pk__in=pks), since - timedelta(days=366))
    people = {user.pk: str(user) for user in User.objects.filter(is_active=True)}
    for schedule in schedules:
        plan = plans[schedule.pk]
        # A shift that is cut would have another beginning, and so another UID, every time.
        whole = rota.shifts(plan, since - plan.longest, until + plan.longest)
        # Nor has a gap that reaches back beyond what is looked at.
        for shift in whole[1:] if whole[0].person is None else whole:
            near = shift.end > since and shift.start < until
            if near and (only is None or shift.person == only.pk):
                yield _entry(schedule, shift, people, personal=only is not None)


def _entry(
    schedule: OnCallSchedule, shift: rota.Shift, people: dict[int, str], *, personal: bool
) -> ical.Entry:
    who = people.get(shift.person, "") if shift.person is not None else "Nobody"
    return ical.Entry(
        # Of a schedule, one shift begins at a time: who has it may change, the UID stays.
        uid=f"oncall-{schedule.pk}-{shift.start:%Y%m%dT%H%M%SZ}@aiosmon",
        start=shift.start,
        end=shift.end,
        summary=f"On call: {schedule}" if personal else f"{who} on call: {schedule}",
        description=_description(schedule, shift),
    )


def _description(schedule: OnCallSchedule, shift: rota.Shift) -> str:
    lines = [f"Team: {schedule.team}"]
    if shift.source:
        lines.append(f"{'Override' if shift.is_override else 'Rotation'}: {shift.source}")
    return "\n".join(lines)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
