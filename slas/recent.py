"""What was counted lately for every client and objective at once: a bounded number of statements.

Windows end with the minute under way, which is counted anew at each pass. They are cut into
spans where any of them begins; each span is read once, whole hours from SLI hours. So the cost
follows the number of objectives with traffic, not that of rows or days.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import connection

from slas import windows
from slas.objectives import Objective
from slas.windows import Span, Sums

MINUTE = timedelta(minutes=1)
Pair = tuple[int, int]  # client, Slo
# Each pair takes one look-up in the primary key, whatever lies in its history.
_PAIRS = """
WITH RECURSIVE pairs AS (
    (SELECT client_id, slo_id FROM sli_minutes ORDER BY client_id, slo_id LIMIT 1)
    UNION ALL
    SELECT n.client_id, n.slo_id FROM pairs p CROSS JOIN LATERAL (
        SELECT client_id, slo_id FROM sli_minutes s
        WHERE (s.client_id, s.slo_id) > (p.client_id, p.slo_id)
        ORDER BY client_id, slo_id LIMIT 1) n
)
SELECT client_id, slo_id FROM pairs
"""
_KEYS = """unnest(%({0}_clients)s::int[], %({0}_slos)s::bigint[], %({0}_since)s::timestamptz[],
    %({0}_until)s::timestamptz[]) AS k (client_id, slo_id, since, until)"""
_SUMS = f"""
SELECT client_id, slo_id, width_bucket(at, %(bounds)s::timestamptz[]), sum(good)::bigint,
    sum(total)::bigint, sum(value_sum), max(value_max)
FROM (
    SELECT k.client_id, k.slo_id, c.* FROM {_KEYS.format("minutes")} CROSS JOIN LATERAL (
        SELECT s.minute AS at, s.good, s.total, s.value_sum, s.value_max FROM sli_minutes s
        WHERE s.client_id = k.client_id AND s.slo_id = k.slo_id
            AND s.minute >= k.since AND s.minute < k.until OFFSET 0) c
    UNION ALL
    SELECT k.client_id, k.slo_id, c.* FROM {_KEYS.format("hours")} CROSS JOIN LATERAL (
        SELECT s.hour AS at, s.good, s.total, s.value_sum, s.value_max FROM sli_hours s
        WHERE s.client_id = k.client_id AND s.slo_id = k.slo_id
            AND s.hour >= k.since AND s.hour < k.until OFFSET 0) c
) counted GROUP BY 1, 2, 3
"""  # noqa: S608  # built from the constants above alone
_LAST = f"""
SELECT k.client_id, k.slo_id, max(c.minute) FROM {_KEYS.format("minutes")} CROSS JOIN LATERAL (
    SELECT s.minute FROM sli_minutes s WHERE s.client_id = k.client_id AND s.slo_id = k.slo_id
        AND s.minute >= k.since AND s.minute < k.until ORDER BY s.minute DESC LIMIT 1) c
GROUP BY 1, 2
"""  # noqa: S608  # built from the constants above alone
_ASKED = ("metric_name", "component", "unit", "query_complexity", "model")
_LATEST = f"""
SELECT k.client_id, k.slo_id, r.metric_value
FROM unnest(%(clients)s::int[], %(slos)s::bigint[], %(minutes)s::timestamptz[],
    {", ".join(f"%({name})s::text[]" for name in _ASKED)}, %(probes)s::boolean[])
    AS k (client_id, slo_id, minute, {", ".join(_ASKED)}, probes)
CROSS JOIN LATERAL (
    SELECT m.metric_value FROM ai_performance_metrics m
    WHERE m.client_id = k.client_id AND m."timestamp" >= k.minute
        AND m."timestamp" < k.minute + interval '1 minute' AND m.metric_name = k.metric_name
        AND m.component = k.component AND m.measurement_unit = k.unit
        AND (k.query_complexity = '' OR m.query_complexity = k.query_complexity)
        AND (k.model = '' OR m.ml_models_used ? k.model) AND (k.probes OR NOT m.synthetic)
    ORDER BY m."timestamp" DESC, m.id DESC LIMIT 1) r
"""  # noqa: S608  # built from the constants above alone


@dataclass(frozen=True)
class Asked:
    """One client's objective, with the times that don't count for it."""

    pair: Pair
    objective: Objective
    excluded: tuple[Span, ...] = ()


def pairs() -> list[Pair]:
    """Every client and objective for which anything is counted."""
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS)
        return [tuple(row) for row in cursor.fetchall()]


def end_of(now: datetime) -> datetime:
    """Where windows end: with the minute under way, or right now on a whole minute."""
    whole = now.replace(second=0, microsecond=0)
    return whole if whole == now else whole + MINUTE


def until(now: datetime) -> datetime:
    """The latest time of a row that windows hold: now, but nothing of a minute to come."""
    return min(now, end_of(now) - timedelta(microseconds=1))


def start_of(window: timedelta, now: datetime) -> datetime:
    """Where a window begins: so many whole minutes before the one under way."""
    return now.replace(second=0, microsecond=0) - whole_minutes(window)


def whole_minutes(window: timedelta) -> timedelta:
    """A window's length as it is judged: whole minutes, one at least."""
    return max(MINUTE, round(window / MINUTE) * MINUTE)


def sums(
    asked: Sequence[Asked], lengths: Iterable[timedelta], now: datetime
) -> dict[Pair, dict[timedelta, Sums]]:
    """What each was counted in windows of these lengths (whole minutes), in one statement.

    Windows without events, and pairs without any, have empty sums.
    """
    wanted = sorted(set(lengths), reverse=True)
    starts = [start_of(length, now) for length in wanted]
    if not asked or not starts:
        return {}
    bounds = [*starts, end_of(now)]
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"bounds": starts, **_spans(asked, bounds)})
        found: dict[Pair, dict[int, Sums]] = defaultdict(dict)
        for client, slo, number, *counted in cursor.fetchall():
            found[client, slo][number] = Sums(*counted)
    return {one.pair: _windows(found.get(one.pair, {}), wanted) for one in asked}


def last(asked: Sequence[Asked], window: timedelta, now: datetime) -> dict[Pair, datetime]:
    """The newest minute with an event that counts within the window."""
    if not asked:
        return {}
    bounds = [start_of(window, now), end_of(now)]
    with connection.cursor() as cursor:
        cursor.execute(_LAST, _spans(asked, bounds, hours=False))
        return {(client, slo): minute for client, slo, minute in cursor.fetchall()}


def latest(
    asked: Sequence[Asked], minutes: Mapping[Pair, datetime], platform: int
) -> dict[Pair, float]:
    """The latest value of each, from the rows of the newest minute that was counted."""
    known = [one for one in asked if one.pair in minutes]
    if not known:
        return {}
    values: dict[str, Any] = {
        "clients": [one.pair[0] for one in known],
        "slos": [one.pair[1] for one in known],
        "minutes": [minutes[one.pair] for one in known],
        "probes": [one.objective.include_synthetic or one.pair[0] == platform for one in known],
    }
    values |= {name: [str(getattr(one.objective, name)) for one in known] for name in _ASKED}
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, values)
        return {(client, slo): value for client, slo, value in cursor.fetchall()}


def _spans(asked: Sequence[Asked], bounds: list[datetime], *, hours: bool = True) -> dict[str, Any]:
    """The spans to read of each pair, as columns."""
    parts = {excluded: _parts(bounds, excluded, hours) for excluded in {a.excluded for a in asked}}
    values: dict[str, Any] = {}
    for place, name in enumerate(("hours", "minutes")):
        rows = [(*one.pair, *span) for one in asked for span in parts[one.excluded][place]]
        columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
        for column, part in zip(columns, ("clients", "slos", "since", "until"), strict=True):
            values[f"{name}_{part}"] = list(column)
    return values


def _parts(
    bounds: list[datetime], excluded: Iterable[Span], hours: bool
) -> tuple[list[Span], list[Span]]:
    out = list(excluded)
    left = [span for cell in pairwise(bounds) for span in windows.included(*cell, out)]
    whole, rest = windows.parts(left) if hours else ([], left)
    return _joined(whole), _joined(rest)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Neighbours as one: fewer look-ups."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and found[-1][1] == since:
            found[-1] = (found[-1][0], until)
        else:
            found.append((since, until))
    return found


def _windows(cells: Mapping[int, Sums], wanted: Sequence[timedelta]) -> dict[timedelta, Sums]:
    """The cells from each window's start on, added up; the longest window comes first."""
    found: dict[timedelta, Sums] = {}
    total = Sums()
    for number in range(len(wanted), 0, -1):
        total = _add(total, cells[number]) if number in cells else total
        found[wanted[number - 1]] = total
    return found


def _add(one: Sums, other: Sums) -> Sums:
    largest = [value for value in (one.value_max, other.value_max) if value is not None]
    return Sums(
        one.good + other.good,
        one.total + other.total,
        one.value_sum + other.value_sum,
        max(largest, default=None),
    )
