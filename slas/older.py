"""History older than the rows: SLI minutes, and estimates where other numbers are asked of them.

An SLI minute is exact for the numbers it was counted with. What else can be
asked of it: its total, sum and largest value stay true for any target; how many
events another target would call good is estimated from the roll-ups' histograms
(metrics.histogram.MAX_RELATIVE_ERROR). The latest value isn't kept: the mean stands for it.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from metrics.histogram import BUCKETS_PER_DOUBLING, SCALE
from slas import versions
from slas.objectives import Kind, Objective
from slas.slis import Part

# What must be the same for a minute's events to be those that are asked for.
_SAME = ("kind", "metric_name", "component", "unit", "query_complexity", "model")
_OLDER = f"""
WITH kept AS (
    SELECT s.client_id, s.minute, s.good, s.total, s.value_sum, s.value_max,
        v.kind <> '{Kind.SATISFACTION}' AND CASE v.kind WHEN '{Kind.LIMIT}'
            THEN v.threshold ELSE v.good_within END <> %(within)s AS differs
    FROM slos o JOIN sli_minutes s ON s.slo_id = o.id JOIN slo_versions v ON v.id = s.version_id
    WHERE o.base = %(base)s AND s.client_id = ANY(%(clients)s)
        AND s.minute >= %(start)s AND s.minute < %(end)s
        AND {" AND ".join(f"v.{name} = %({name})s" for name in _SAME)}
        AND v.include_synthetic = %(include_synthetic)s
), estimated AS (
    SELECT r.client_id, r.minute, sum(r.total) AS total, sum(CASE
        WHEN r.value_max <= %(within)s THEN r.succeeded
        ELSE r.hist_zero + (
            SELECT coalesce(sum(u.cnt), 0) FROM unnest(r.hist_idx, r.hist_cnt) AS u (idx, cnt)
            WHERE power(2::float8, (u.idx + 0.5) / ({BUCKETS_PER_DOUBLING}
                * power(2::float8, r.hist_scale - {SCALE}))) <= %(within)s)
        END) AS good
    FROM kept k JOIN minute_rollups r ON r.client_id = k.client_id AND r.minute = k.minute
        AND r.minute >= %(start)s AND r.minute < %(end)s
        AND r.metric_name = %(metric_name)s AND r.component = %(component)s
        AND r.measurement_unit = %(unit)s
        AND (%(query_complexity)s = '' OR r.query_complexity = %(query_complexity)s)
        AND (%(model)s = '' OR r.model = %(model)s)
        AND (%(include_synthetic)s OR NOT r.synthetic)
    WHERE k.differs GROUP BY r.client_id, r.minute
)
SELECT k.client_id, k.minute, 1, CASE WHEN k.differs
        THEN round(k.total * coalesce(e.good / nullif(e.total, 0), 0))::bigint ELSE k.good END,
    k.total, k.value_sum, k.value_max, k.value_sum / k.total, 0
FROM kept k LEFT JOIN estimated e USING (client_id, minute)
WHERE k.total > 0
ORDER BY 1, 2 LIMIT %(most)s
"""  # noqa: S608  # built from the constants above alone


def counted(
    objective: Objective, client_ids: Sequence[int], start: datetime, end: datetime, most: int
) -> list[Part]:
    """What was counted for the objective in [start, end), by whole minutes, at most ``most``.

    A contract's minutes count as well: its clients' events are the same.
    """
    numbers = versions.numbers(objective)
    is_limit = objective.kind == Kind.LIMIT
    values = {
        "base": objective.key,
        "clients": list(client_ids),
        "start": start,
        "end": end,
        "most": most,
        "within": objective.threshold if is_limit else objective.good_within,
        "include_synthetic": objective.include_synthetic,
        **{name: numbers[name] for name in _SAME},
    }
    with connection.cursor() as cursor:
        cursor.execute(_OLDER, values)
        return [Part(*row) for row in cursor.fetchall()]
