"""Minute roll-ups → hours → days, so that long spans are read at once.

The transaction that rolls up minutes marks their hours. An hour that is over is summed up
anew from all of its minutes, its day from all of its hours, and the mark goes, in one
transaction. Who reads takes a marked hour's minutes instead (``behind``): nothing that was
rolled up is ever missing from an answer, whenever this runs.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from metrics import commits
from metrics.histogram import QUANTILES, SCALE
from metrics.models import DayRollup, HourRollup, MetricHour
from metrics.spans import DAY, HOUR, floor
from metrics.summing import Summed

# Hours of a client's metric in one transaction.
BATCH = 1000

Key = tuple[Any, ...]
Sums = dict[Key, Summed]
Mark = tuple[int, str, datetime]  # client, metric, hour

# Who sums up holds a metric's whole day: the day is made of hours, and hours are merged over
# all clients as well. The lock comes before anything is read, as in the roll-up of minutes.
_DUE = """
WITH due AS (
    SELECT client_id, metric_name, hour FROM pending_hours WHERE hour <= %s
    ORDER BY hour DESC, metric_name, client_id LIMIT %s
)
SELECT client_id, metric_name, hour FROM due WHERE pg_try_advisory_xact_lock(
    hashtextextended('hours/' || metric_name || '/' || date_trunc('day', hour, 'UTC'), 0))
"""
# In one order, as they are set, so that none waits for another in a circle.
_HOLD = """
SELECT client_id, metric_name, hour FROM pending_hours
JOIN unnest(%s::int[], %s::text[], %s::timestamptz[]) AS k (client_id, metric_name, hour)
    USING (client_id, metric_name, hour)
ORDER BY client_id, metric_name, hour FOR UPDATE OF pending_hours
"""
_CLAIM = """
DELETE FROM pending_hours p
USING unnest(%s::int[], %s::text[], %s::timestamptz[]) AS k (client_id, metric_name, hour)
WHERE p.client_id = k.client_id AND p.metric_name = k.metric_name AND p.hour = k.hour
"""
_BEHIND = """
SELECT DISTINCT hour FROM pending_hours
WHERE metric_name = ANY(%s) AND hour > %s AND hour < %s AND (%s::int IS NULL OR client_id = %s)
"""
_WHAT = (
    "component",
    "service_name",
    "query_complexity",
    "model",
    "measurement_unit",
    "synthetic",
)
_SERIES = ", ".join(f"r.{name}" for name in _WHAT)
_COUNTS = (
    "r.total, r.succeeded, r.value_sum, r.value_min, r.value_max, r.votes, r.votes_sum, "
    "r.hist_zero, r.approximate"
)
# Looked up key by key (OFFSET 0), whatever the planner expects: it can't know how few there are,
# and would read all of history.
_MINUTES = f"""
SELECT r.client_id, r.metric_name, k.hour, {_SERIES}, {_COUNTS}, r.hist_idx, r.hist_cnt
FROM (
    SELECT client_id, hour, array_agg(metric_name) AS names
    FROM unnest(%s::int[], %s::text[], %s::timestamptz[]) AS m (client_id, metric_name, hour)
    GROUP BY client_id, hour
) k CROSS JOIN LATERAL (
    SELECT * FROM minute_rollups r WHERE r.client_id = k.client_id
        AND r.minute >= k.hour AND r.minute < k.hour + interval '1 hour'
        AND r.metric_name = ANY(k.names) OFFSET 0
) r
"""  # noqa: S608  # built from the constants above alone
_HOURS = f"""
SELECT r.client_id, r.metric_name, k.day, {_SERIES}, {_COUNTS}, r.hist_low, r.hist_counts
FROM unnest(%s::int[], %s::text[], %s::timestamptz[]) AS k (client_id, metric_name, day)
CROSS JOIN LATERAL (
    SELECT * FROM hour_rollups r WHERE r.client_id = k.client_id
        AND r.metric_name = k.metric_name
        AND r.hour >= k.day AND r.hour < k.day + interval '1 day' OFFSET 0
) r
"""  # noqa: S608  # built from the constants above alone
_CLIENTS = f"""
SELECT r.metric_name, r.hour, r.measurement_unit, r.synthetic, {_COUNTS}, r.hist_low, r.hist_counts
FROM unnest(%s::text[], %s::timestamptz[]) AS k (metric_name, hour) CROSS JOIN LATERAL (
    SELECT * FROM hour_rollups r WHERE r.metric_name = k.metric_name AND r.hour = k.hour OFFSET 0
) r
"""  # noqa: S608  # built from the constants above alone
_KEY = {
    "client_id": "int", "metric_name": "text", **dict.fromkeys(_WHAT, "text"), "synthetic": "bool",
}  # fmt: skip
_STORED = {
    "total": "bigint", "succeeded": "bigint", "value_sum": "float8", "value_min": "float8",
    "value_max": "float8", "votes": "bigint", "votes_sum": "float8", "hist_zero": "bigint",
    "approximate": "bool", "hist_low": "smallint", "hist_counts": "bytea",
    **dict.fromkeys(QUANTILES, "float8"),
}  # fmt: skip


def roll_up(now: datetime, batch: int = BATCH) -> int:
    """Sum up at most so many marked hours that are over, newest first; return how many.

    An hour that another worker holds is left to it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        commits.need_not_wait()
        cursor.execute(_DUE, [now - HOUR, batch])
        due: list[Mark] = cursor.fetchall()
        if not due:
            return 0
        cursor.execute(_HOLD, _columns(due, 3))
        held: list[Mark] = cursor.fetchall()
        cursor.execute(_CLAIM, _columns(held, 3))
        # All minutes of a marked hour are there: see rollups.forget_old.
        _hours(cursor, held)
        _days(cursor, held)
        _over_clients(cursor, held)
    return len(due)


def roll_up_all(now: datetime, most: int = 200) -> int:
    """Sum up batch after batch until nothing is left, at most ``most`` times."""
    done = 0
    for _ in range(most):
        count = roll_up(now)
        done += count
        if not count:
            break
    return done


def behind(
    metric_names: Sequence[str], start: datetime, end: datetime, client_id: int | None = None
) -> set[datetime]:
    """The hours (their starts) of a span that are not in line yet for one of the metrics."""
    values: list[Any] = [list(metric_names), start - HOUR, end, client_id, client_id]
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, values)
        return {hour for (hour,) in cursor.fetchall()}


def kept_since(now: datetime) -> datetime:
    """From when on hours and days are there: a day of UTC is kept as a whole."""
    return floor(now - timedelta(days=settings.HOUR_RETENTION_DAYS), DAY)


def forget_old(now: datetime) -> int:
    """Delete hours and days past HOUR_RETENTION_DAYS; return how many hours of series went."""
    oldest = kept_since(now)
    MetricHour.objects.filter(hour__lt=oldest).delete()
    DayRollup.objects.filter(day__lt=oldest).delete()
    return HourRollup.objects.filter(hour__lt=oldest).delete()[0]


def _hours(cursor: Any, marks: Sequence[Mark]) -> None:
    cursor.execute(_MINUTES, _columns(marks, 3))
    sums: Sums = {}
    for row in cursor.fetchall():
        sums.setdefault(row[:9], Summed()).add_minute(*row[9:])
    _store(cursor, "hour_rollups", ["client_id", "metric_name", "hour", *_WHAT], sums)


def _days(cursor: Any, marks: Sequence[Mark]) -> None:
    days = sorted({(client, metric, floor(hour, DAY)) for client, metric, hour in marks})
    cursor.execute(_HOURS, _columns(days, 3))
    sums: Sums = {}
    for row in cursor.fetchall():
        sums.setdefault(row[:9], Summed()).add(*row[9:])
    _store(cursor, "day_rollups", ["client_id", "metric_name", "day", *_WHAT], sums)


def _over_clients(cursor: Any, marks: Sequence[Mark]) -> None:
    hours = sorted({(metric, hour) for _, metric, hour in marks})
    cursor.execute(_CLIENTS, _columns(hours, 2))
    sums: Sums = {}
    for row in cursor.fetchall():
        sums.setdefault(row[:4], Summed()).add(*row[4:])
    names = ["metric_name", "hour", "measurement_unit", "synthetic"]
    _store(cursor, "metric_hours", names, sums)


def _store(cursor: Any, table: str, key: list[str], sums: Sums) -> None:
    """Insert the sums, or replace those that are there."""
    if not sums:
        return
    types = {name: _KEY.get(name, "timestamptz") for name in key} | _STORED
    names, changed = ", ".join(types), ", ".join(f"{name} = excluded.{name}" for name in _STORED)
    given = ", ".join(f"%s::{kind}[]" for kind in types.values())
    sql = f"""
INSERT INTO {table} ({names}, hist_scale)
SELECT {names}, {SCALE} FROM unnest({given}) AS s ({names})
ON CONFLICT ({", ".join(key)}) DO UPDATE SET {changed}
"""  # noqa: S608  # built from the constants above alone
    rows = [(*series, *summed.stored()) for series, summed in sums.items()]
    cursor.execute(sql, _columns(rows, len(types)))


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """The rows as one list a column, also without any rows."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
