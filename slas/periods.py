"""PURE: spans of time that promises are reported over, in a client's own zone.

A calendar period begins and ends at midnight of the zone, so a month's length
in UTC follows daylight saving: March in Berlin has 743 hours.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
ROLLING = "rolling"


@dataclass(frozen=True)
class Period:
    """From ``start`` on and before ``end``, both UTC and whole minutes."""

    start: datetime
    end: datetime
    name: str  # 2026-03, 2026-W10, 2026-Q1, or "30 d" for a rolling one
    kind: str = ROLLING  # or month, week, quarter
    zone: str = "UTC"

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return self.end - self.start


def month(at: datetime, zone: str) -> Period:
    """The calendar month that ``at`` lies in."""
    first = _date(at, zone).replace(day=1)
    return _period(first, _months_on(first, 1), f"{first:%Y-%m}", "month", zone)


def week(at: datetime, zone: str) -> Period:
    """The ISO week, Monday to Sunday, that ``at`` lies in."""
    day = _date(at, zone)
    monday = day - timedelta(days=day.weekday())
    year, number, _ = monday.isocalendar()
    return _period(monday, monday + timedelta(days=7), f"{year:04d}-W{number:02d}", "week", zone)


def quarter(at: datetime, zone: str) -> Period:
    """The calendar quarter that ``at`` lies in."""
    day = _date(at, zone)
    number = (day.month + 2) // 3
    first = day.replace(month=3 * number - 2, day=1)
    name = f"{first.year:04d}-Q{number}"
    return _period(first, _months_on(first, 3), name, "quarter", zone)


KINDS: dict[str, Callable[[datetime, str], Period]] = {
    "month": month,
    "week": week,
    "quarter": quarter,
}


def rolling(now: datetime, length: timedelta) -> Period:
    """The last ``length``, up to the last whole minute.

    Raises ValueError unless the length is a whole number of minutes above 0.
    """
    if length <= timedelta(0) or length % MINUTE:
        raise ValueError(f"A rolling window of {length} is no whole number of minutes.")
    end = now.astimezone(UTC).replace(second=0, microsecond=0)
    return Period(end - length, end, _in_words(length))


def previous(period: Period) -> Period:
    """The one of the same kind that ends where this begins."""
    if period.kind == ROLLING:
        return Period(period.start - period.length, period.start, period.name)
    return KINDS[period.kind](period.start - MINUTE, period.zone)


def named(name: str, zone: str) -> Period:
    """The calendar period of a name such as 2026-03, 2026-W10 or 2026-Q1.

    Raises ValueError, which says what a name looks like, for another text.
    """
    try:
        kind, day = _named(name)
        return KINDS[kind](midnight(day, zone), zone)
    except (ValueError, OverflowError):
        text = f"“{name[:20]}” is no period. Write a month (2026-03), a week (2026-W10) or a "
        raise ValueError(text + "quarter (2026-Q1) from 1970 on.") from None


def midnight(day: date, zone: str) -> datetime:
    """When ``day`` begins in the zone, in UTC.

    Where clocks skip midnight it is the moment they do; where it comes twice, the first.
    """
    return local(day, time(0), zone)


def local(day: date, at: time, zone: str, *, fold: int = 0) -> datetime:
    """A wall clock's reading in the zone, in UTC; ``fold`` 1 takes the second of two."""
    return datetime.combine(day, at.replace(fold=fold), ZoneInfo(zone)).astimezone(UTC)


def _period(first: date, after: date, name: str, kind: str, zone: str) -> Period:
    return Period(midnight(first, zone), midnight(after, zone), name, kind, zone)


def _date(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _named(name: str) -> tuple[str, date]:
    """The kind and first day. Raises ValueError."""
    found = re.fullmatch(r"(\d{4})-(?:(\d{2})|W(\d{2})|Q([1-4]))", name, re.ASCII)
    if found is None or found[1] < "1970":
        raise ValueError(name)
    year = int(found[1])
    if found[3]:
        return "week", date.fromisocalendar(year, int(found[3]), 1)
    if found[4]:
        return "quarter", date(year, 3 * int(found[4]) - 2, 1)
    return "month", date(year, int(found[2]), 1)


def _months_on(first: date, months: int) -> date:
    total = first.month - 1 + months
    return first.replace(year=first.year + total // 12, month=total % 12 + 1)


def _in_words(length: timedelta) -> str:
    for unit, name in ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (MINUTE, "min")):
        if not length % unit:
            return f"{length // unit} {name}"
    raise ValueError(f"{length} is no whole number of minutes.")
