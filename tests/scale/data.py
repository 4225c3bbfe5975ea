"""Five million metric rows in fourteen days' partitions, and their minute roll-ups, made in SQL.

Each partition is filled before it is attached, so that its indexes are built in one go.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.utils import timezone

from metrics import packed
from metrics.histogram import SCALE
from metrics.partitions import TABLE, name_of

DAYS = 14
ROWS_A_DAY = 358_000  # 5,012,000 in all
ROLLUPS = 500_000
# One client has one row in ten thousand; one metric ended ten days ago, one row in a thousand.
RARE_METRIC, RARE_COMPONENT = "ended_metric", "data_intelligence"

_FILL = """
INSERT INTO {name} (id, metric_name, metric_category, metric_value, measurement_unit, component,
    service_name, endpoint_path, client_id, request_id, query_complexity, ml_models_used,
    user_satisfaction_score, timestamp, success, synthetic, event_id)
SELECT %(first)s + n,
    CASE WHEN n %% 1000 = 0 AND %(early)s THEN 'ended_metric' ELSE 'metric_' || m END,
    'ai_query', 100 + n %% 997, 'ms',
    CASE WHEN n %% 1000 = 0 AND %(early)s THEN 'data_intelligence'
        ELSE (ARRAY['cognitive_core', 'user_interface', 'data_intelligence', 'nervous_system'])[
            1 + m %% 4] END,
    'service_' || n %% 40, '/api/ask',
    CASE WHEN n %% 10000 = 0 THEN %(rare)s
        ELSE (%(clients)s::int[])[1 + (random() ^ 2 * 7)::int] END,
    'req-' || (%(first)s + n) / 2,
    (ARRAY['simple', 'moderate', 'complex'])[1 + n %% 3], '["gpt-4o"]',
    CASE WHEN n %% 20 = 0 THEN 4 END,
    %(day)s::timestamptz + (n * 86400.0 / %(rows)s) * interval '1 s',
    n %% 500 <> 0, n %% 50 = 0, lpad(to_hex(%(first)s + n), 32, '0')::uuid
FROM (SELECT n, (random() * 29)::int AS m FROM generate_series(0, %(rows)s - 1) AS n) AS g
"""
_ROLLUPS = """
INSERT INTO minute_rollups (client_id, minute, metric_name, component, service_name,
    query_complexity, model, measurement_unit, synthetic, total, succeeded, value_sum, votes,
    votes_sum, hist_scale, hist_zero, hist_idx, hist_cnt)
SELECT (%(clients)s::int[])[1 + n %% 8], %(end)s::timestamptz - (n / 25 + 1) * interval '1 min',
    'metric_' || n %% 25,
    (ARRAY['cognitive_core', 'user_interface', 'data_intelligence', 'nervous_system'])[1 + n %% 4],
    'service_1', 'simple', 'gpt-4o', 'ms', false, 10, 10, 1000, 0, 0, %(scale)s, 0,
    ARRAY[300, 301, 302]::smallint[], ARRAY[2, 5, 3]::bigint[]
FROM generate_series(0, %(rollups)s - 1) AS n
"""
# Hours and days as if all of that were summed up.
_LONGER = """
INSERT INTO {unit}_rollups (client_id, {unit}, metric_name, component, service_name,
    query_complexity, model, measurement_unit, synthetic, total, succeeded, value_sum, votes,
    votes_sum, hist_scale, hist_zero, hist_low, hist_counts, approximate)
SELECT client_id, date_trunc('{unit}', minute, 'UTC'), metric_name, component, service_name,
    query_complexity, model, measurement_unit, synthetic, sum(total), sum(succeeded),
    sum(value_sum), 0, 0, %(scale)s, 0, %(low)s, %(counts)s, false
FROM minute_rollups GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
_HOURS = """
INSERT INTO metric_hours (hour, metric_name, measurement_unit, synthetic, total, succeeded,
    value_sum, votes, votes_sum, hist_scale, hist_zero, hist_low, hist_counts, approximate)
SELECT hour, metric_name, measurement_unit, synthetic, sum(total), sum(succeeded), sum(value_sum),
    0, 0, %(scale)s, 0, %(low)s, %(counts)s, false
FROM hour_rollups GROUP BY 1, 2, 3, 4
"""
_ROLLED_UP = ("minute_rollups", "hour_rollups", "day_rollups", "metric_hours")


def days(today: date) -> list[date]:
    """The days that have rows, today's the last."""
    return [today - timedelta(days=n) for n in reversed(range(DAYS))]


def load(clients: Sequence[int], rare: int, today: date) -> None:
    """Fill the tables, evenly over each day, ids in time's order; ``clients`` are eight ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET maintenance_work_mem = '256MB'; SET max_parallel_maintenance_workers = 0"
        )
        for number, day in enumerate(days(today)):
            name, bounds = name_of(day), (day, day + timedelta(days=1))
            cursor.execute(f"CREATE UNLOGGED TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS)")
            fill = {
                "first": number * ROWS_A_DAY + 1,
                "rows": ROWS_A_DAY,
                "day": datetime(day.year, day.month, day.day, tzinfo=UTC),
                "early": number < DAYS - 10,
                "clients": list(clients),
                "rare": rare,
            }
            cursor.execute(_FILL.format(name=name), fill)
            cursor.execute(
                f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
                [f"{bound:%Y-%m-%d} 00:00:00+00" for bound in bounds],
            )
        end = timezone.now().replace(second=0, microsecond=0)
        made = {"clients": list(clients), "end": end, "rollups": ROLLUPS, "scale": SCALE}
        cursor.execute(_ROLLUPS, made)
        cursor.execute(f"ANALYZE {TABLE}")
        low, counts = packed.pack(packed.Dense(300, (2, 5, 3)))
        packed_as = {"scale": SCALE, "low": low, "counts": counts}
        for sql in (_LONGER.format(unit="hour"), _LONGER.format(unit="day"), _HOURS):
            cursor.execute(sql, packed_as)
        cursor.execute(f"ANALYZE {', '.join(_ROLLED_UP)}")


def unload(today: date) -> None:
    """Leave nothing to the tests that share the database."""
    with connection.cursor() as cursor:
        for day in days(today):
            cursor.execute(f"DROP TABLE IF EXISTS {name_of(day)}")
        cursor.execute(f"TRUNCATE {', '.join(_ROLLED_UP)}")
