"""PURE: iCalendar recurrence rules (RFC 5545), as far as exclusions need them.

A rule is asked day by day whether it falls on that day, so its cost follows the
days asked for: a general library walks to the year 9999 for a rule that never
falls on any day. Whatever repeats more than once a day is refused.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MOST_INTERVAL, MOST_COUNT = 366, 5000
_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "WKST")


class BadRule(ValueError):
    """Text that is no rule, or none that is supported; the message names part and fix."""


@dataclass(frozen=True)
class Rule:
    """What a rule's text says."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | datetime | None = None  # a day is included; a moment is UTC
    weekdays: tuple[tuple[int, int], ...] = ()  # (which of the month or 0 for each, weekday)
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    week_start: int = 0


def parse(text: str) -> Rule:
    """Read a rule such as FREQ=WEEKLY;BYDAY=SU. Raises BadRule."""
    parts: dict[str, str] = {}
    for part in text.strip().removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = part.strip().upper().partition("=")
        if not equals or not value:
            raise BadRule(f"“{part}” is no part of a rule. Write NAME=VALUE, e.g. FREQ=WEEKLY.")
        if name not in _PARTS:
            raise BadRule(f"{name} is not supported. Use {', '.join(_PARTS)}.")
        if name in parts:
            raise BadRule(f"{name} stands twice. Name it once.")
        parts[name] = value
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        raise BadRule(f"FREQ must be one of {', '.join(FREQUENCIES)}.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRule("COUNT and UNTIL exclude each other. Keep one.")
    return Rule(
        frequency,
        interval=_number(parts, "INTERVAL", 1, MOST_INTERVAL) if "INTERVAL" in parts else 1,
        count=_number(parts, "COUNT", 1, MOST_COUNT) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        weekdays=_weekdays(parts.get("BYDAY", ""), frequency),
        month_days=_numbers(parts, "BYMONTHDAY", 31, negative=True),
        months=_numbers(parts, "BYMONTH", 12),
        week_start=_weekday(parts.get("WKST", "MO"), "WKST"),
    )


def starts(
    rule: Rule, first: datetime, zone: str, since: datetime, until: datetime
) -> list[datetime]:
    """The wall-clock times (without a zone) at which it begins within ``since`` to ``until``.

    ``first`` is the earliest beginning; a day on which the rule falls begins at its time of
    day in ``zone``. At most one a day of the span asked for.
    """
    clock = ZoneInfo(zone)
    anchor = first.astimezone(clock).replace(tzinfo=None)
    # A day more on both sides: zones are less than a day from UTC.
    from_day, to_day = (since - DAY).date(), (until + DAY).date()
    # Only a count has to be followed from the first day on.
    day = anchor.date() if rule.count is not None else max(anchor.date(), from_day)
    found: list[datetime] = []
    counted = 0
    while day <= to_day:
        if falls_on(rule, day, anchor.date()):
            start = datetime.combine(day, anchor.time())
            moment = start.replace(tzinfo=clock).astimezone(UTC)
            counted += 1
            if _is_over(rule, counted, day, moment):
                break
            if since <= moment < until:
                found.append(start)
        day += DAY
    return found


def falls_on(rule: Rule, day: date, anchor: date) -> bool:
    """Whether the rule, first due on or after ``anchor``, names this day."""
    if day < anchor or _periods_between(rule, anchor, day) % rule.interval:
        return False
    if rule.months and day.month not in rule.months:
        return False
    last = monthrange(day.year, day.month)[1]
    if rule.month_days and not {day.day, day.day - last - 1} & set(rule.month_days):
        return False
    if rule.weekdays:
        nth, nth_last = (day.day - 1) // 7 + 1, -((last - day.day) // 7 + 1)
        return any(
            weekday == day.weekday() and which in {0, nth, nth_last}
            for which, weekday in rule.weekdays
        )
    return bool(rule.month_days) or _as_anchored(rule, day, anchor)


def _as_anchored(rule: Rule, day: date, anchor: date) -> bool:
    """What the rule leaves open follows the first day."""
    if rule.frequency == "DAILY":
        return True
    if rule.frequency == "WEEKLY":
        return day.weekday() == anchor.weekday()
    same_month = rule.frequency == "MONTHLY" or bool(rule.months) or day.month == anchor.month
    return same_month and day.day == anchor.day


def _periods_between(rule: Rule, anchor: date, day: date) -> int:
    if rule.frequency == "DAILY":
        return (day - anchor).days
    if rule.frequency == "WEEKLY":
        weeks = [
            one - timedelta(days=(one.weekday() - rule.week_start) % 7) for one in (anchor, day)
        ]
        return (weeks[1] - weeks[0]).days // 7
    if rule.frequency == "MONTHLY":
        return (day.year - anchor.year) * 12 + day.month - anchor.month
    return day.year - anchor.year


def _is_over(rule: Rule, counted: int, day: date, moment: datetime) -> bool:
    if rule.count is not None and counted > rule.count:
        return True
    if isinstance(rule.until, datetime):
        return moment > rule.until
    return rule.until is not None and day > rule.until


def _until(text: str) -> date | datetime:
    try:
        if re.fullmatch(r"\d{8}", text):
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        if re.fullmatch(r"\d{8}T\d{6}Z", text):
            day, clock = text[:8], text[9:15]
            at = time(int(clock[:2]), int(clock[2:4]), int(clock[4:]))
            return datetime.combine(date(int(day[:4]), int(day[4:6]), int(day[6:])), at, tzinfo=UTC)
    except ValueError:
        pass
    raise BadRule("UNTIL must be a day (20261231) or a moment in UTC (20261231T220000Z).")


def _weekdays(text: str, frequency: str) -> tuple[tuple[int, int], ...]:
    found = []
    for one in filter(None, text.split(",")):
        match = re.fullmatch(r"([+-]?[1-5])?([A-Z]{2})", one)
        if match is None:
            raise BadRule(f"BYDAY: “{one}” is no weekday. Write e.g. MO,TU or, monthly, -1SU.")
        if match[1] and frequency != "MONTHLY":
            raise BadRule(
                f"BYDAY: “{one}” counts within a month. Use FREQ=MONTHLY, or leave {match[1]} out."
            )
        found.append((int(match[1] or 0), _weekday(match[2], "BYDAY")))
    return tuple(found)


def _weekday(text: str, part: str) -> int:
    if text not in WEEKDAYS:
        raise BadRule(f"{part}: “{text}” is no weekday. Use {', '.join(WEEKDAYS)}.")
    return WEEKDAYS.index(text)


def _number(parts: dict[str, str], name: str, least: int, most: int) -> int:
    text = parts[name]
    if not re.fullmatch(r"\d{1,6}", text) or not least <= int(text) <= most:
        raise BadRule(f"{name} must be a whole number from {least} to {most}, not “{text}”.")
    return int(text)


def _numbers(
    parts: dict[str, str], name: str, most: int, *, negative: bool = False
) -> tuple[int, ...]:
    found = []
    for one in filter(None, parts.get(name, "").split(",")):
        if not re.fullmatch(r"[+-]?\d{1,2}", one):
            raise BadRule(f"{name}: “{one}” is no whole number.")
        number = int(one)
        if not 1 <= abs(number) <= most or (number < 0 and not negative):
            least = f"-{most}" if negative else "1"
            raise BadRule(f"{name}: {number} is not from {least} to {most}, without 0.")
        found.append(number)
    return tuple(found)
