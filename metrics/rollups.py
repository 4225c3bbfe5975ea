"""Pending minutes → minute roll-ups.

The transaction that stores rows also marks which (client, metric, minute) it
touched. The roll-up claims marks, recomputes those minutes *from the rows and
the histogram points* (metrics.otlp) and upserts: late rows, repeats and crashes
need no special case, and a roll-up always equals a recount. What follows from
the minutes is marked in turn: SLIs (changed_minutes) and hours (pending_hours).
"""

import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from metrics import commits, nudge
from metrics.histogram import BUCKET_SQL, SCALE, SMALLEST
from metrics.models import MinuteRollup
from metrics.spans import DAY, HOUR, floor

BATCH = 500
# A minute with more rows of its metric takes longer to recompute than what is nudged may wait.
LIGHT_ROWS = 5_000

# Of the minute as it was rolled up last, so that a metric that is heavy from now on is seen once.
_LIGHT = """(
    SELECT coalesce(sum(r.total), 0) <= %s FROM minute_rollups r WHERE r.client_id = d.client_id
        AND r.minute = d.minute AND r.metric_name = d.metric_name)"""
_CLAIMABLE = """
WITH due AS MATERIALIZED (
    SELECT client_id, metric_name, minute FROM (
        SELECT DISTINCT client_id, metric_name, minute FROM pending_minutes
    ) d WHERE {wanted}
    ORDER BY minute DESC, client_id, metric_name LIMIT %s
)
SELECT client_id, metric_name, minute FROM due
WHERE pg_try_advisory_xact_lock(
    hashtextextended(client_id || '/' || metric_name || '/' || minute, 0))
"""

_CLAIM = """
DELETE FROM pending_minutes p
USING unnest(%s::int[], %s::text[], %s::timestamptz[]) AS k (client_id, metric_name, minute)
WHERE p.client_id = k.client_id AND p.metric_name = k.metric_name AND p.minute = k.minute
"""

_CHANGED = """
INSERT INTO changed_minutes (client_id, metric_name, minute)
SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[])
"""

# One mark an hour, locked until the roll-up is committed: who sums up the hour (metrics.longer)
# waits for it, or has gone before, and then the mark is set anew. In one order, so that none
# waits for another in a circle. What is older than minutes are kept is settled.
_MARK_HOURS = """
INSERT INTO pending_hours (client_id, metric_name, hour)
SELECT DISTINCT client_id, metric_name, date_trunc('hour', minute, 'UTC') AS hour
FROM unnest(%s::int[], %s::text[], %s::timestamptz[]) AS k (client_id, metric_name, minute)
WHERE minute >= %s
ORDER BY client_id, metric_name, hour
ON CONFLICT (client_id, metric_name, hour) DO UPDATE SET hour = excluded.hour WHERE false
"""
_OLDEST_MARK = "SELECT min(hour) FROM pending_hours"

_SERIES = (
    "client_id, minute, metric_name, component, service_name, query_complexity, model, "
    "measurement_unit, synthetic"
)
_COUNTS = (
    "total, succeeded, value_sum, value_min, value_max, votes, votes_sum, "
    "hist_scale, hist_zero, hist_idx, hist_cnt, approximate"
)
_BUCKET = BUCKET_SQL.format(value="metric_value")

_UPSERT = f"""
WITH keys AS (
    SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[])
        AS k (client_id, metric_name, minute)
), picked AS MATERIALIZED (
    SELECT k.client_id, k.minute, m.metric_name, m.component, m.service_name,
        coalesce(m.query_complexity, '') AS query_complexity,
        left(coalesce(m.ml_models_used ->> 0, ''), 100) AS model,
        m.measurement_unit, m.synthetic, m.success, m.metric_value, m.user_satisfaction_score,
        CASE WHEN m.success AND m.metric_value >= {SMALLEST} THEN {_BUCKET} END AS bucket
    FROM (
        SELECT client_id, minute, array_agg(metric_name) AS names FROM keys GROUP BY 1, 2
    ) k CROSS JOIN LATERAL (
        SELECT * FROM ai_performance_metrics m WHERE m.client_id = k.client_id
            AND m."timestamp" >= k.minute AND m."timestamp" < k.minute + interval '1 minute'
            AND m."timestamp" >= %s AND m."timestamp" < %s + interval '1 minute'
            AND m.metric_name = ANY(k.names)
        OFFSET 0  -- Looked up minute by minute, whatever the planner expects.
    ) m
), points AS MATERIALIZED (
    -- Each series gets a number: their many buckets are grouped by that, not by nine columns.
    SELECT h.*, false AS synthetic, h.succeeded > 0 AS success, dense_rank() OVER (
        ORDER BY client_id, minute, metric_name, component, service_name, query_complexity,
            model, measurement_unit) AS number
    FROM keys k JOIN histogram_points h USING (client_id, metric_name, minute)
), parts AS (
    SELECT {_SERIES}, count(*) AS total, count(*) FILTER (WHERE success) AS succeeded,
        sum(metric_value) FILTER (WHERE success) AS value_sum,
        min(metric_value) FILTER (WHERE success) AS value_min,
        max(metric_value) FILTER (WHERE success) AS value_max,
        count(user_satisfaction_score) AS votes, sum(user_satisfaction_score) AS votes_sum,
        count(*) FILTER (WHERE success AND bucket IS NULL) AS hist_zero, false AS approximate
    FROM picked GROUP BY {_SERIES}
    UNION ALL
    SELECT {_SERIES}, sum(total), sum(succeeded), sum(value_sum) FILTER (WHERE success),
        min(value_min) FILTER (WHERE success), max(value_max) FILTER (WHERE success),
        0, 0, sum(hist_zero) FILTER (WHERE success), bool_or(approximate AND success)
    FROM points GROUP BY {_SERIES}
), counted AS (
    SELECT {_SERIES}, sum(total) AS total, sum(succeeded) AS succeeded,
        coalesce(sum(value_sum), 0) AS value_sum,
        min(value_min) AS value_min, max(value_max) AS value_max,
        sum(votes) AS votes, coalesce(sum(votes_sum), 0) AS votes_sum,
        coalesce(sum(hist_zero), 0) AS hist_zero, bool_or(approximate) AS approximate
    FROM parts GROUP BY {_SERIES}
), buckets AS (
    SELECT {_SERIES}, array_agg(bucket ORDER BY bucket) AS hist_idx,
        array_agg(cnt ORDER BY bucket) AS hist_cnt
    FROM (
        SELECT {_SERIES}, bucket, sum(cnt)::bigint AS cnt FROM (
            SELECT {_SERIES}, bucket, count(*) AS cnt FROM picked
            WHERE bucket IS NOT NULL GROUP BY {_SERIES}, bucket
            UNION ALL
            SELECT {_SERIES}, bucket, cnt
            FROM (SELECT DISTINCT {_SERIES}, number FROM points) series JOIN (
                SELECT number, u.bucket, sum(u.cnt) AS cnt
                FROM points, unnest(hist_idx, hist_cnt) AS u (bucket, cnt)
                WHERE success GROUP BY number, u.bucket
            ) merged USING (number)
        ) several GROUP BY {_SERIES}, bucket
    ) b GROUP BY {_SERIES}
)
INSERT INTO minute_rollups ({_SERIES}, {_COUNTS})
SELECT {_SERIES}, total, succeeded, value_sum, value_min, value_max, votes, votes_sum,
    {SCALE}, hist_zero, coalesce(hist_idx, '{{}}'), coalesce(hist_cnt, '{{}}'), approximate
FROM counted LEFT JOIN buckets USING ({_SERIES})
ON CONFLICT ({_SERIES}) DO UPDATE SET
    {", ".join(f"{c} = excluded.{c}" for c in _COUNTS.split(", "))}
"""  # noqa: S608  # built from the constants above alone


def roll_up(batch: int = BATCH, *, light_alone: bool = False) -> int:
    """Recompute up to ``batch`` pending minutes, newest first; return how many.

    With ``light_alone`` those that held more than LIGHT_ROWS rows of their metric are left.

    The advisory lock is taken before the rows are read: of two workers with
    the same minute the one with the older snapshot could otherwise commit
    last. A minute that another worker holds is left to it; a mark set
    meanwhile is not seen by our DELETE and stays for the next pass.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        commits.need_not_wait()
        wanted, most = (_LIGHT, [LIGHT_ROWS]) if light_alone else ("true", [])
        cursor.execute(_CLAIMABLE.format(wanted=wanted), [*most, batch])
        keys: list[tuple[Any, ...]] = cursor.fetchall()
        if not keys:
            return 0
        clients, names, minutes = (list(column) for column in zip(*keys, strict=True))
        cursor.execute(_CLAIM, [clients, names, minutes])
        # The bounds, given as constants, keep the join to the partitions concerned.
        cursor.execute(_UPSERT, [clients, names, minutes, min(minutes), max(minutes)])
        cursor.execute(_CHANGED, [clients, names, minutes])
        cursor.execute(_MARK_HOURS, [clients, names, minutes, kept_since(timezone.now())])
    return len(keys)


def roll_up_all(most: int = 200, *, light_alone: bool = False) -> int:
    """Roll up batch after batch until none is left, at most ``most`` times.

    The light ones come first: in one transaction with heavy ones they would be out of reach for
    who judges what came in.
    """
    done, light = 0, True
    for _ in range(most):
        count = roll_up(light_alone=light)
        done += count
        if count < BATCH:
            if light_alone or not light:
                break
            light = False
    return done


def roll_up_at_leisure() -> int:
    """Roll up what is left; minutes with very many rows take at most a tenth of the time."""
    done = roll_up_all(light_alone=True)
    if not nudge.rests():
        began = time.monotonic()
        heavy = roll_up_all()
        if heavy:
            nudge.rest(time.monotonic() - began)
        done += heavy
    return done


def kept_since(now: datetime) -> datetime:
    """From when on minutes are there: a day of UTC is kept as a whole."""
    return floor(now - timedelta(days=settings.MINUTE_RETENTION_DAYS), DAY)


def forgotten_until(now: datetime) -> datetime:
    """Up to when minutes are deleted: not yet those that a roll-up under way may still mark."""
    return kept_since(now - HOUR)


def forget_old(now: datetime) -> int:
    """Delete minutes past MINUTE_RETENTION_DAYS; return how many roll-ups went.

    Those that are not yet summed up by hour stay: who sums up finds all of an hour.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_MARK)
        (marked,) = cursor.fetchone()
    oldest = min(forgotten_until(now), floor(marked, DAY) if marked else now)
    return MinuteRollup.objects.filter(minute__lt=oldest).delete()[0]
