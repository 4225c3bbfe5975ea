"""What was counted over any span of time, from SLI hours where they fit and minutes elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from slas.budget import Counts

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
Span = tuple[datetime, datetime]  # start included, end excluded; whole minutes

MOST_STEPS = 10_000

_COUNTED = """
    SELECT h.slo_id, h.hour AS at, h.good, h.total, h.value_sum, h.value_max
    FROM unnest(%(hour_starts)s::timestamptz[], %(hour_ends)s::timestamptz[]) AS k (since, until)
    JOIN sli_hours h ON h.hour >= k.since AND h.hour < k.until
    WHERE h.client_id = %(client)s AND h.slo_id = ANY(%(slos)s)
    UNION ALL
    SELECT m.slo_id, m.minute, m.good, m.total, m.value_sum, m.value_max
    FROM unnest(%(minute_starts)s::timestamptz[], %(minute_ends)s::timestamptz[])
        AS k (since, until)
    JOIN sli_minutes m ON m.minute >= k.since AND m.minute < k.until
    WHERE m.client_id = %(client)s AND m.slo_id = ANY(%(slos)s)
"""
_SUMMED = "sum(good)::bigint, sum(total)::bigint, sum(value_sum), max(value_max)"
_SUMS = f"SELECT slo_id, {_SUMMED} FROM ({_COUNTED}) counted GROUP BY 1"  # noqa: S608
_SERIES = f"""
SELECT date_bin(%(step)s, at, %(start)s), {_SUMMED} FROM ({_COUNTED}) counted GROUP BY 1
"""  # noqa: S608  # built from the constants above alone


@dataclass(frozen=True)
class Sums:
    """What was counted for an objective and a client over a span."""

    good: int = 0
    total: int = 0
    value_sum: float = 0.0  # of the judged values
    value_max: float | None = None

    @property
    def counts(self) -> Counts:
        """Good and total alone."""
        return Counts(self.good, self.total)

    @property
    def mean(self) -> float | None:
        """The judged values' mean; None without events."""
        return self.value_sum / self.total if self.total else None


def sums(
    client_id: int,
    slo_ids: Sequence[int],
    start: datetime,
    end: datetime,
    excluded: Iterable[Span] = (),
) -> dict[int, Sums]:
    """What was counted from ``start`` on and before ``end``, without the excluded spans.

    All times are whole minutes. Objectives without events are missing.
    """
    values = _values(client_id, slo_ids, *parts(included(start, end, excluded)))
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, values)
        return {slo: Sums(*counted) for slo, *counted in cursor.fetchall()}


def series(
    client_id: int,
    slo_id: int,
    start: datetime,
    end: datetime,
    step: timedelta,
    excluded: Iterable[Span] = (),
) -> list[tuple[datetime, Sums]]:
    """What was counted in each ``step`` from ``start`` on, those without events included.

    Whole minutes throughout; the last step ends with ``end``. Steps of whole
    hours from a whole hour on are read from hours. Raises ValueError for a step
    that is not whole minutes, and for more than MOST_STEPS steps.
    """
    if step < MINUTE or step % MINUTE:
        raise ValueError(f"A step is one or more whole minutes, not {step}.")
    steps = max(0, -((start - end) // step))
    if steps > MOST_STEPS:
        raise ValueError(
            f"{steps} steps of {step} are too many; ask for at most {MOST_STEPS}: a longer step."
        )
    spans = included(start, end, excluded)
    whole = step % HOUR == timedelta(0) and start.minute == 0
    values = _values(client_id, [slo_id], *(parts(spans) if whole else ([], spans)))
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, values | {"step": step, "start": start})
        found = {at: Sums(*counted) for at, *counted in cursor.fetchall()}
    starts = [start + number * step for number in range(steps)]
    return [(at, found.get(at, Sums())) for at in starts]


def included(start: datetime, end: datetime, excluded: Iterable[Span]) -> list[Span]:
    """PURE: what of a span is left without the excluded ones, which may overlap."""
    left: list[Span] = []
    at = start
    for since, until in sorted(excluded):
        if until <= at or since >= end:
            continue
        if since > at:
            left.append((at, since))
        at = until
    if at < end:
        left.append((at, end))
    return left


def parts(spans: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    """PURE: spans as whole hours, and the minutes before and after those."""
    hours: list[Span] = []
    minutes: list[Span] = []
    for start, end in spans:
        first = start.replace(minute=0) + (HOUR if start.minute else timedelta(0))
        last = end.replace(minute=0)
        if first >= last:
            minutes.append((start, end))
            continue
        hours.append((first, last))
        minutes += [span for span in ((start, first), (last, end)) if span[0] < span[1]]
    return hours, minutes


def _values(
    client_id: int, slo_ids: Sequence[int], hours: list[Span], minutes: list[Span]
) -> dict[str, Any]:
    return {
        "client": client_id,
        "slos": list(slo_ids),
        "hour_starts": [since for since, _ in hours],
        "hour_ends": [until for _, until in hours],
        "minute_starts": [since for since, _ in minutes],
        "minute_ends": [until for _, until in minutes],
    }
