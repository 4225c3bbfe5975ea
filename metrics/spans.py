"""PURE: spans of time cut into whole days and hours of UTC, and the minutes that are left."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Span = tuple[datetime, datetime]  # start included, end excluded; whole minutes


class Parts(NamedTuple):
    """The same time, each part by the longest unit that fits."""

    days: list[Span]
    hours: list[Span]
    minutes: list[Span]


def parts(spans: Iterable[Span], dirty: Collection[datetime] = ()) -> Parts:
    """Spans as whole days, whole hours and minutes, each in order.

    ``dirty`` are starts of hours to be read minute by minute: what is summed up over
    them is not in line yet.
    """
    found = Parts([], [], [])
    behind = sorted(dirty)
    for start, end in spans:
        edges, hours = _cut((start.astimezone(UTC), end.astimezone(UTC)), HOUR)
        found.minutes.extend(edges)
        for whole in hours:
            late = [(hour, hour + HOUR) for hour in behind if whole[0] <= hour < whole[1]]
            found.minutes.extend(_joined(late))
            for left in without(whole, late):
                beside, days = _cut(left, DAY)
                found.hours.extend(beside)
                found.days.extend(days)
    for one in found:
        one.sort()
    return found


def without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """What of a span is left without the taken ones, which may overlap."""
    left: list[Span] = []
    at, end = span
    for since, until in sorted(taken):
        if until <= at or since >= end:
            continue
        if since > at:
            left.append((at, since))
        at = until
    if at < end:
        left.append((at, end))
    return left


def floor(at: datetime, unit: timedelta) -> datetime:
    """The start of the hour or day (of UTC) that ``at`` is in."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour if unit == HOUR else hour.replace(hour=0)


def _cut(span: Span, unit: timedelta) -> tuple[list[Span], list[Span]]:
    """What lies before and after the whole units, and those: nothing, or one span."""
    start, end = span
    first, last = floor(start, unit), floor(end, unit)
    first += unit if first < start else timedelta(0)
    if first >= last:
        return [span], []
    return [edge for edge in ((start, first), (last, end)) if edge[0] < edge[1]], [(first, last)]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Those that touch, as one; they are in order and apart."""
    joined: list[Span] = []
    for since, until in spans:
        if joined and joined[-1][1] == since:
            joined[-1] = (joined[-1][0], until)
        else:
            joined.append((since, until))
    return joined
