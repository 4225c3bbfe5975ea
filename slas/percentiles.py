"""Percentiles of the requests that an objective looks at, over any spans, from the roll-ups.

They err by at most metrics.histogram.MAX_RELATIVE_ERROR, and by more where a
roll-up is marked as approximate. They cover what succeeded: a failed request
took no time that could be compared. Verdicts never come from them.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from metrics.histogram import Histogram
from slas.models import SloVersion
from slas.windows import Span

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_MERGED = """
WITH asked AS (
    SELECT * FROM unnest(%(numbers)s::int[], %(metrics)s::text[], %(components)s::text[],
        %(units)s::text[], %(complexities)s::text[], %(models)s::text[], %(synthetic)s::bool[])
        AS a (number, metric_name, component, unit, query_complexity, model, synthetic)
), picked AS MATERIALIZED (
    SELECT a.number, r.hist_zero, r.value_min, r.value_max, r.approximate, r.hist_idx, r.hist_cnt
    FROM asked a
    JOIN unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS k (since, until) ON true
    JOIN minute_rollups r ON r.metric_name = a.metric_name AND r.minute >= k.since
        AND r.minute < k.until AND r.component = a.component AND r.measurement_unit = a.unit
        AND (a.query_complexity = '' OR r.query_complexity = a.query_complexity)
        AND (a.model = '' OR r.model = a.model) AND (a.synthetic OR NOT r.synthetic)
    WHERE r.client_id = %(client)s
), buckets AS (
    SELECT number, array_agg(idx) AS idx, array_agg(cnt) AS cnt FROM (
        SELECT number, idx, sum(cnt)::bigint AS cnt
        FROM picked, unnest(hist_idx, hist_cnt) AS u (idx, cnt) GROUP BY number, idx
    ) merged GROUP BY number
)
SELECT number, sum(hist_zero)::bigint, min(value_min), max(value_max), bool_or(approximate),
    idx, cnt
FROM picked LEFT JOIN buckets USING (number) GROUP BY number, idx, cnt
"""


@dataclass(frozen=True)
class Selection:
    """Which roll-ups an objective's percentiles come from."""

    metric_name: str
    component: str
    unit: str
    query_complexity: str
    model: str  # the first that a request names
    synthetic: bool


@dataclass(frozen=True)
class Percentiles:
    """In the selection's unit."""

    values: dict[str, float]  # by the names of QUANTILES
    approximate: bool  # some came in other buckets and were spread over ours


def selection(version: SloVersion, *, is_platform: bool) -> Selection:
    """What the version judges; the platform's own measurements are synthetic."""
    return Selection(
        version.metric_name,
        version.component,
        version.unit,
        version.query_complexity,
        version.model,
        version.include_synthetic or is_platform,
    )


def of(
    client_id: int, asked: Iterable[Selection], spans: Sequence[Span]
) -> dict[Selection, Percentiles]:
    """The percentiles over the spans (whole minutes, apart); those without values are missing."""
    wanted = sorted(set(asked), key=repr)
    if not wanted or not spans:
        return {}
    values: dict[str, Any] = {
        "client": client_id,
        "numbers": list(range(len(wanted))),
        "metrics": [one.metric_name for one in wanted],
        "components": [one.component for one in wanted],
        "units": [one.unit for one in wanted],
        "complexities": [one.query_complexity for one in wanted],
        "models": [one.model for one in wanted],
        "synthetic": [one.synthetic for one in wanted],
        "starts": [since for since, _ in spans],
        "ends": [until for _, until in spans],
    }
    with connection.cursor() as cursor:
        cursor.execute(_MERGED, values)
        rows = cursor.fetchall()
    found: dict[Selection, Percentiles] = {}
    for number, zero, low, high, approximate, idx, cnt in rows:
        counts = dict(zip(idx or [], cnt or [], strict=True))
        # Histograms that came without their extremes are not clamped to any.
        bounds = (-math.inf if low is None else low, math.inf if high is None else high)
        histogram = Histogram(counts, zero, *bounds)
        read = {name: histogram.quantile(share) for name, share in QUANTILES.items()}
        if histogram.total:
            known = {name: value for name, value in read.items() if value is not None}
            found[wanted[number]] = Percentiles(known, approximate)
    return found
