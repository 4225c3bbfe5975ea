"""Rows → SLI minutes → hours → days: good and total per objective, counted from the rows.

The roll-up marks which minutes changed (metrics.ChangedMinute). Those marks
are claimed an hour of one client at a time, the minutes are counted anew from
the rows, against the version in force at each minute, and replace what was
there. So late rows, repeats, new versions and crashes need no special case.
Hours and days (of UTC) are summed up in the same transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import PLATFORM, Client
from metrics import longer, rollups
from metrics.spans import HOUR, floor
from slas.models import SliDay, SliHour, SliMinute
from slas.objectives import Kind

HOURS = 50
# Held by slas.versions.sync alone, by counts together: a minute counted by the versions before a
# change is marked again by it, and one counted after it is counted by the new ones.
VERSIONS_LOCK = 0x534C4F56
MINUTE = timedelta(minutes=1)


class Part(NamedTuple):
    """A minute of one client, or a part of it: 0 its very start, 1 up to the cut, 2 after it."""

    client_id: int
    minute: datetime
    part: int
    good: int
    total: int
    value_sum: float
    value_max: float
    latest: float  # of the judged values
    given_up: int  # calls given up at the threshold or later


_CLAIMABLE = """
WITH due AS (
    SELECT client_id, date_trunc('hour', minute) AS hour FROM (
        SELECT DISTINCT client_id, minute FROM changed_minutes ORDER BY minute DESC LIMIT %s
    ) newest GROUP BY 1, 2
)
SELECT client_id, hour FROM due
WHERE pg_try_advisory_xact_lock(
    hashtextextended('sli/' || client_id || '/' || date_trunc('day', hour, 'UTC'), 0))
"""
_CLAIM = """
DELETE FROM changed_minutes c
USING unnest(%s::int[], %s::timestamptz[]) AS k (client_id, hour)
WHERE c.client_id = k.client_id
    AND c.minute >= k.hour AND c.minute < k.hour + interval '1 hour'
RETURNING c.client_id, c.metric_name, c.minute
"""
# Which objectives a changed metric concerns; an objective without a metric looks at every one.
_OF_CLIENT = "JOIN slos o ON o.id = v.slo_id AND (o.client_id IS NULL OR o.client_id = m.client_id)"
_CONCERNED = f"""
WITH marks AS (
    SELECT DISTINCT * FROM unnest(%(clients)s::int[], %(names)s::text[], %(minutes)s::timestamptz[])
        AS k (client_id, metric_name, minute)
), concerned AS MATERIALIZED (
    SELECT m.client_id, m.minute, v.slo_id
    FROM marks m JOIN slo_versions v ON v.metric_name = m.metric_name {_OF_CLIENT}
    UNION
    SELECT m.client_id, m.minute, v.slo_id
    FROM (SELECT DISTINCT client_id, minute FROM marks) m JOIN slo_versions v ON v.metric_name = ''
    {_OF_CLIENT}
)
"""  # noqa: S608  # built from the constants above alone
# The numbers that counting rows depends on, with their types.
_ASKED = {
    **dict.fromkeys(
        ("kind", "metric_name", "component", "unit", "query_complexity", "model"), "text"
    ),
    **dict.fromkeys(("threshold", "good_within"), "float8"),
    "include_synthetic": "boolean",
}
_STORED = "client_id, slo_id, minute, version_id, good, total, value_sum, value_max"
# What was counted goes.
_FORGET = f"""{_CONCERNED}, gone AS (
    DELETE FROM sli_minutes s USING concerned c
    WHERE s.client_id = c.client_id AND s.slo_id = c.slo_id AND s.minute = c.minute
    RETURNING s.*
)
SELECT {_STORED} FROM gone
"""  # noqa: S608  # built from the constants above alone
# Which rows count for an objective, what of them is judged, and which are good: said once.
_VALUE = f"""CASE WHEN a.kind = '{Kind.SATISFACTION}' THEN m.user_satisfaction_score
    ELSE m.metric_value END"""
_BELONGS = """m.component = a.component
    AND (a.query_complexity = '' OR m.query_complexity = a.query_complexity)
    AND (a.model = '' OR m.ml_models_used ? a.model)
    AND (a.include_synthetic OR NOT m.synthetic OR m.client_id = %(platform)s)"""
_NAMED = f"""AND m.metric_name = a.metric_name
    WHERE a.metric_name <> '' AND (a.kind = '{Kind.SATISFACTION}' OR m.measurement_unit = a.unit)"""
_NAMELESS = "AND m.user_satisfaction_score IS NOT NULL WHERE a.metric_name = ''"
_GOOD = f"""CASE kind
        WHEN '{Kind.SATISFACTION}' THEN value >= threshold
        WHEN '{Kind.LIMIT}' THEN value <= threshold
        WHEN '{Kind.AT_LEAST}' THEN value >= threshold
        ELSE success AND value <= good_within END"""
_JUDGED = f"""
SELECT a.*, m.success, {_VALUE} AS value
FROM asked a JOIN picked m ON m.client_id = a.client_id AND m.minute = a.minute AND {_BELONGS}
"""  # noqa: S608  # built from the constants above alone
_PARTED = f"""
SELECT a.*, m.client_id, date_trunc('minute', m."timestamp") AS minute, m."timestamp" AS at,
    m.id AS row_id, m.success, {_VALUE} AS value,
    coalesce(m.metadata @> '{{"no_answer": true}}', false) AS no_answer
FROM asked a JOIN ai_performance_metrics m ON m.client_id = ANY(%(clients)s)
    AND m."timestamp" >= %(first)s AND m."timestamp" < %(last)s AND {_BELONGS}
"""  # noqa: S608  # built from the constants above alone
# Each row is read once, by its client and minute, however many objectives look at it.
_COUNT = f"""{_CONCERNED}, asked AS MATERIALIZED (
    SELECT c.client_id, c.minute, c.slo_id, v.id AS version_id, v.kind, v.metric_name,
        v.component, v.unit, v.query_complexity, v.model, v.threshold, v.good_within,
        v.include_synthetic
    FROM concerned c JOIN slo_versions v ON v.slo_id = c.slo_id
        AND v.valid_from <= c.minute AND (v.valid_until IS NULL OR c.minute < v.valid_until)
    JOIN slos o ON o.id = c.slo_id
    WHERE NOT EXISTS (
        SELECT FROM slos own JOIN slo_versions w ON w.slo_id = own.id
        WHERE o.client_id IS NULL AND own.base = o.base AND own.client_id = c.client_id
            AND w.valid_from <= c.minute AND (w.valid_until IS NULL OR c.minute < w.valid_until))
), picked AS MATERIALIZED (
    SELECT k.client_id, k.minute, m.*
    FROM (SELECT DISTINCT client_id, minute FROM asked) k CROSS JOIN LATERAL (
        SELECT r.metric_name, r.component, r.measurement_unit, r.query_complexity,
            r.ml_models_used, r.success, r.synthetic, r.metric_value, r.user_satisfaction_score
        FROM ai_performance_metrics r WHERE r.client_id = k.client_id
            AND r."timestamp" >= k.minute AND r."timestamp" < k.minute + interval '1 minute'
            AND r."timestamp" >= %(first)s AND r."timestamp" < %(last)s
            AND (r.metric_name = ANY(%(names)s) OR r.user_satisfaction_score IS NOT NULL)
        OFFSET 0  -- Looked up minute by minute, whatever the planner expects.
    ) m
), judged AS (
    {_JUDGED} {_NAMED}
    UNION ALL
    {_JUDGED} {_NAMELESS}
)
INSERT INTO sli_minutes ({_STORED})
SELECT client_id, slo_id, minute, version_id, count(*) FILTER (WHERE {_GOOD}),
    count(*), sum(value), max(value)
FROM judged WHERE value IS NOT NULL
GROUP BY client_id, slo_id, minute, version_id
RETURNING {_STORED}
"""  # noqa: S608  # built from the constants above alone
# A longer span is the sum of the shorter ones in it, and goes with the last of them. They are
# looked up span by span (OFFSET 0), whatever the planner expects.
_SUM_UP = """
WITH spans AS (
    SELECT DISTINCT client_id, slo_id, date_trunc('{unit}', hour, 'UTC') AS {unit}
    FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[]) AS k (client_id, slo_id, hour)
), sums AS MATERIALIZED (
    SELECT k.*, s.* FROM spans k CROSS JOIN LATERAL (
        SELECT sum(s.good) AS good, sum(s.total) AS total, sum(s.value_sum) AS value_sum,
            max(s.value_max) AS value_max
        FROM sli_{part}s s WHERE s.client_id = k.client_id AND s.slo_id = k.slo_id
            AND s.{part} >= k.{unit} AND s.{part} < k.{unit} + interval '1 {unit}' OFFSET 0
    ) s
), gone AS (
    DELETE FROM sli_{unit}s h USING sums k WHERE k.total IS NULL
        AND h.client_id = k.client_id AND h.slo_id = k.slo_id AND h.{unit} = k.{unit}
)
INSERT INTO sli_{unit}s (client_id, slo_id, {unit}, good, total, value_sum, value_max)
SELECT client_id, slo_id, {unit}, good, total, value_sum, value_max
FROM sums WHERE total IS NOT NULL
ON CONFLICT (client_id, slo_id, {unit}) DO UPDATE SET good = excluded.good,
    total = excluded.total, value_sum = excluded.value_sum, value_max = excluded.value_max
"""
_HOURS = _SUM_UP.format(unit="hour", part="minute")
_DAYS = _SUM_UP.format(unit="day", part="hour")
# Minutes in up to three parts, so that windows may begin between them: the very start (0), up to
# the cut (1), after it (2).
_PARTS = f"""
WITH asked AS (
    SELECT {", ".join(f"%({n})s::{t} AS {n}" for n, t in _ASKED.items())}
), judged AS (
    {_PARTED} {_NAMED}
    UNION ALL
    {_PARTED} {_NAMELESS}
)
SELECT client_id, minute, CASE WHEN at = minute THEN 0 WHEN at <= minute + %(cut)s THEN 1 ELSE 2 END
    AS part, count(*) FILTER (WHERE {_GOOD}), count(*), sum(value), max(value),
    (array_agg(value ORDER BY at DESC, row_id DESC))[1],
    count(*) FILTER (WHERE no_answer AND value >= threshold)
FROM judged WHERE value IS NOT NULL
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT %(most)s
"""  # noqa: S608  # built from the constants above alone
_RECOUNT = """
INSERT INTO changed_minutes (client_id, metric_name, minute)
SELECT DISTINCT r.client_id, r.metric_name, r.minute FROM minute_rollups r
WHERE r.minute >= %s AND (%s::int IS NULL OR r.client_id = %s)
    AND (r.metric_name = ANY(%s) OR '' = ANY(%s))
"""


def count(hours: int = HOURS, touched: set[tuple[int, int]] | None = None) -> int:
    """Count what changed in up to ``hours`` hours of a client, newest first; return how many.

    The clients and objectives for which that changed anything are added to ``touched``.

    The advisory lock comes before the rows are read, as in the roll-up. Who
    counts holds a client's whole day, since the day is summed up as well.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [VERSIONS_LOCK])
        cursor.execute(_CLAIMABLE, [hours])
        claimed: list[tuple[Any, ...]] = cursor.fetchall()
        if not claimed:
            return 0
        cursor.execute(_CLAIM, [list(column) for column in zip(*claimed, strict=True)])
        now = timezone.now()
        # Where minutes are gone, one that is counted anew would stand for its whole hour.
        oldest = max(kept_since(now), rollups.kept_since(now))
        marks = [mark for mark in cursor.fetchall() if mark[2] >= oldest]
        found = _recount(cursor, marks) if marks else set()
    if touched is not None:
        touched |= found
    return len(claimed)


def count_all(most: int = 1000, touched: set[tuple[int, int]] | None = None) -> int:
    """Count batch after batch until nothing is left, at most ``most`` times; as ``count``."""
    done = 0
    for _ in range(most):
        counted = count(touched=touched)
        done += counted
        if not counted:
            break
    return done


def kept_since(now: datetime) -> datetime:
    """From when on all rows are surely there: counting an older minute anew would lose events."""
    oldest = now - timedelta(days=settings.ROW_RETENTION_DAYS)
    return oldest.replace(hour=0, minute=0, second=0, microsecond=0)


def count_again(since: datetime, metric_names: list[str], client_id: int | None = None) -> None:
    """Mark every rolled-up minute of the metrics from ``since`` on ("" names all of them)."""
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, [since, client_id, client_id, metric_names, metric_names])


def counted(
    numbers: Mapping[str, Any],
    client_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    cut: timedelta = MINUTE,
    most: int = 500_000,
) -> list[Part]:
    """What any numbers (versions.numbers) count from the rows of [start, end); stores nothing.

    At most ``most`` parts, in the order of clients and time. ``cut`` is where
    in its minute a window begins.
    """
    values = {name: numbers[name] for name in _ASKED}
    values |= {
        "clients": list(client_ids),
        "first": start,
        "last": end,
        "cut": cut,
        "most": most,
        "platform": Client.objects.values_list("pk", flat=True).get(code=PLATFORM),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, values)
        return [Part(*row) for row in cursor.fetchall()]


def forget_old(now: datetime) -> int:
    """Delete SLIs past their retention, whole days at once; return how many minutes went."""
    hours = longer.kept_since(now)
    SliDay.objects.filter(day__lt=hours).delete()
    SliHour.objects.filter(hour__lt=hours).delete()
    return SliMinute.objects.filter(minute__lt=rollups.forgotten_until(now)).delete()[0]


def _recount(cursor: Any, marks: list[tuple[Any, ...]]) -> set[tuple[int, int]]:
    """Count the marked minutes anew; for which clients and objectives that changed anything.

    A metric's mark concerns whatever looks at the metric, of any component: most of it stays as
    it was, and so do the hours and days.
    """
    clients, names, minutes = (list(column) for column in zip(*marks, strict=True))
    values = {
        "clients": clients,
        "names": names,
        "minutes": minutes,
        "first": min(minutes),
        "last": max(minutes) + timedelta(minutes=1),
        "platform": Client.objects.values_list("pk", flat=True).get(code=PLATFORM),
    }
    cursor.execute(_FORGET, values)
    before = set(cursor.fetchall())
    # The planner, who can't know how many rows were picked, would compare each with each.
    cursor.execute("SET LOCAL enable_nestloop = off")
    cursor.execute(_COUNT, values)
    changed = before.symmetric_difference(cursor.fetchall())
    cursor.execute("SET LOCAL enable_nestloop = on")
    hours = {(client, slo, floor(minute, HOUR)) for client, slo, minute, *_ in changed}
    if hours:
        columns = [list(column) for column in zip(*hours, strict=True)]
        cursor.execute(_HOURS, columns)
        cursor.execute(_DAYS, columns)
    return {(client, slo) for client, slo, *_ in changed}
