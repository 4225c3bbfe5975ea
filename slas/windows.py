"""What was counted over any span of time, from SLI days and hours where they fit, else minutes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from metrics import spans
from metrics.spans import Parts
from slas.budget import Counts

DAY, HOUR, MINUTE = spans.DAY, spans.HOUR, spans.MINUTE
Span = spans.Span
MOST_STEPS = 10_000

_UNITS = ("day", "hour", "minute")
_COUNTED = """
    SELECT h.slo_id, h.{unit} AS at, h.good, h.total, h.value_sum, h.value_max
    FROM unnest(%({unit}_starts)s::timestamptz[], %({unit}_ends)s::timestamptz[])
        AS k (since, until)
    JOIN sli_{unit}s h ON h.{unit} >= k.since AND h.{unit} < k.until
    WHERE h.client_id = %(client)s AND h.slo_id = ANY(%(slos)s)
"""
_SUMMED = "sum(good)::bigint, sum(total)::bigint, sum(value_sum), max(value_max)"
_SUMS = f"SELECT slo_id, {_SUMMED} FROM ({{counted}}) counted GROUP BY 1"  # noqa: S608
_SERIES = f"""
SELECT date_bin(%(step)s, at, %(start)s), {_SUMMED} FROM ({{counted}}) counted GROUP BY 1
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
    parts = spans.parts(included(start, end, excluded))
    if not any(parts):
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SUMS.format(counted=_counted(parts)), _values(client_id, slo_ids, parts))
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

    Whole minutes throughout; the last step ends with ``end``. Steps of whole hours or
    days of UTC are read from those. Raises ValueError for a step
    that is not whole minutes, and for more than MOST_STEPS steps.
    """
    if step < MINUTE or step % MINUTE:
        raise ValueError(f"A step is one or more whole minutes, not {step}.")
    steps = max(0, -((start - end) // step))
    if steps > MOST_STEPS:
        raise ValueError(
            f"{steps} steps of {step} are too many; ask for at most {MOST_STEPS}: a longer step."
        )
    parts = _parts(included(start, end, excluded), start, step)
    found: dict[datetime, Sums] = {}
    if any(parts):
        values = _values(client_id, [slo_id], parts) | {"step": step, "start": start}
        with connection.cursor() as cursor:
            cursor.execute(_SERIES.format(counted=_counted(parts)), values)
            found = {at: Sums(*counted) for at, *counted in cursor.fetchall()}
    starts = [start + number * step for number in range(steps)]
    return [(at, found.get(at, Sums())) for at in starts]


def included(start: datetime, end: datetime, excluded: Iterable[Span]) -> list[Span]:
    """PURE: what of a span is left without the excluded ones, which may overlap."""
    return spans.without((start, end), excluded)


def _parts(left: list[Span], start: datetime, step: timedelta) -> Parts:
    """In units of which each lies in one step."""
    start = start.astimezone(UTC)
    if step % HOUR or start.minute:
        return Parts([], [], left)
    found = spans.parts(left)
    if step % DAY or start.hour:
        return Parts([], found.days + found.hours, found.minutes)
    return found


def _counted(parts: Parts) -> str:
    """What is read. What isn't is left out: the planner would take it for most of the work."""
    wanted = [unit for unit, of_unit in zip(_UNITS, parts, strict=True) if of_unit]
    return " UNION ALL ".join(_COUNTED.format(unit=unit) for unit in wanted)


def _values(client_id: int, slo_ids: Sequence[int], parts: Parts) -> dict[str, Any]:
    values: dict[str, Any] = {"client": client_id, "slos": list(slo_ids)}
    for unit, of_unit in zip(_UNITS, parts, strict=True):
        values[f"{unit}_starts"] = [since for since, _ in of_unit]
        values[f"{unit}_ends"] = [until for _, until in of_unit]
    return values
