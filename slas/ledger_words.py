"""Exclusions in words, for the admin and reports."""

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.utils import timezone

from slas import exclusions, names
from slas.exclusions import Recurring
from slas.models import Exclusion
from slas.windows import Span

MOST_UPCOMING = 5
_YEAR = timedelta(days=366)


def scope(one: Exclusion) -> str:
    """Which promises it touches."""
    parts = [
        names.in_words(one.objective) if one.objective else "",
        one.component.replace("_", " "),
    ]
    return ", on ".join(filter(None, parts)) or "Every promise"


def when(one: Recurring, zone: tzinfo | None = None) -> str:
    """Its times in ``zone`` (the active one without); repeated, on the clock of its own."""
    if not one.rrule:
        zone = zone or timezone.get_current_timezone()
        return between(one.starts_at, one.ends_at or one.starts_at, zone)
    first = one.starts_at.astimezone(ZoneInfo(one.zone))
    minutes = f"{one.duration_minutes:,} min"
    return f"{one.rrule}, {first:%H:%M} for {minutes} ({one.zone}), from {first:%Y-%m-%d}"


def between(start: datetime, end: datetime, zone: tzinfo) -> str:
    """From a moment to a moment; a day is not told twice."""
    since, until = start.astimezone(zone), end.astimezone(zone)
    # Where the clocks change within, two times alone would mislead.
    tail = "%H:%M" if since.date() == until.date() else "%Y-%m-%d %H:%M"
    return f"{since:%Y-%m-%d %H:%M} – {until.strftime(tail)} {until.tzname()}"


def upcoming(one: Recurring, now: datetime) -> list[Span]:
    """The next few times of a repeated exclusion; none of one that is not repeated."""
    if not one.rrule:
        return []
    start = max(now.replace(second=0, microsecond=0), one.starts_at)
    return exclusions.occurrences(one, start, start + _YEAR)[:MOST_UPCOMING]
