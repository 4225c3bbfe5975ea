"""A metric over time, from the minute roll-ups alone: counts, extremes, percentiles by step.

Percentiles come from the merged histograms: they err by at most
histogram.MAX_RELATIVE_ERROR, and more where a roll-up is marked as approximate.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from metrics.histogram import Histogram

# What points may be told apart by, and the column for it.
GROUPS = {
    "component": "component",
    "service_name": "service_name",
    "model": "model",
    "query_complexity": "query_complexity",
    "client": "client_id",
}
SMALLEST_STEP, LARGEST_STEP = timedelta(minutes=1), timedelta(days=1)
STEPS = [timedelta(minutes=n) for n in (1, 5, 15, 60, 360, 1440)]
MAX_STEPS, USUAL_STEPS = 2_000, 300
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FILTERS = frozenset(
    {"component", "service_name", "model", "query_complexity", "client_id", "synthetic"}
)

_POINTS = """
WITH picked AS MATERIALIZED (
    SELECT date_bin(%(step)s, minute, %(epoch)s) AS start, {group} AS grp,
        measurement_unit AS unit, total, succeeded, value_sum, value_min, value_max, votes,
        votes_sum, hist_zero, hist_idx, hist_cnt, approximate
    FROM minute_rollups
    WHERE metric_name = %(metric_name)s AND minute >= %(since)s AND minute < %(until)s {filters}
), points AS (
    SELECT start, grp, unit, sum(total) AS total, sum(succeeded) AS succeeded,
        sum(value_sum) AS value_sum, min(value_min) AS low, max(value_max) AS high,
        sum(votes) AS votes, sum(votes_sum) AS votes_sum, sum(hist_zero) AS zero,
        bool_or(approximate) AS approximate
    FROM picked GROUP BY start, grp, unit
    HAVING (start, grp, unit) > (%(after_start)s, %(after_group)s, %(after_unit)s)
    ORDER BY start, grp, unit LIMIT %(limit)s
), merged AS (
    SELECT start, grp, unit, array_agg(idx ORDER BY idx) AS idx, array_agg(cnt ORDER BY idx) AS cnt
    FROM (
        SELECT start, grp, unit, idx, sum(cnt)::bigint AS cnt
        FROM picked JOIN points USING (start, grp, unit), unnest(hist_idx, hist_cnt) AS u (idx, cnt)
        GROUP BY start, grp, unit, idx
    ) buckets
    GROUP BY start, grp, unit
)
SELECT start, grp, unit, total::bigint, succeeded::bigint, value_sum, low, high,
    votes::bigint, votes_sum, zero::bigint, approximate, idx, cnt
FROM points LEFT JOIN merged USING (start, grp, unit)
ORDER BY start, grp, unit
"""

# The place of a point: where its step starts, its group, its unit.
Place = tuple[datetime, str, str]


@dataclass(frozen=True)
class Asked:
    """Which points: ``since`` and ``until`` are on the steps' bounds (see ``aligned``)."""

    metric_name: str
    since: datetime
    until: datetime
    step: timedelta
    group_by: str = ""  # one of GROUPS
    filters: Mapping[str, Any] = field(default_factory=dict)  # column: value


@dataclass(frozen=True)
class Point:
    """One step of one group. Values are the successful rows', in the unit."""

    start: datetime
    group: str  # a client's id when grouped by client
    unit: str
    count: int
    succeeded: int
    mean: float | None
    min: float | None
    max: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    votes: int
    votes_mean: float | None
    approximate: bool

    @property
    def place(self) -> Place:
        """Where it stands in the order of points."""
        return self.start, self.group, self.unit


def usual_step(span: timedelta) -> timedelta:
    """The smallest usual step that divides the span into at most USUAL_STEPS."""
    return next((step for step in STEPS if span / step <= USUAL_STEPS), LARGEST_STEP)


def aligned(since: datetime, until: datetime, step: timedelta) -> tuple[datetime, datetime]:
    """The span widened to whole steps, which are counted from 1970 in UTC."""
    first, last = (since - _EPOCH) // step, -((_EPOCH - until) // step)
    return _EPOCH + first * step, _EPOCH + last * step


def points(asked: Asked, limit: int, after: Place | None = None) -> list[Point]:
    """At most ``limit`` points in order of place, those after ``after`` only."""
    after = after or (asked.since, "", "")
    names = sorted(asked.filters.keys() & _FILTERS)
    group = f"{GROUPS[asked.group_by]}::text" if asked.group_by else "''"
    sql = _POINTS.format(
        group=group, filters="".join(f" AND {name} = %({name})s" for name in names)
    )
    values: dict[str, Any] = {
        **{name: asked.filters[name] for name in names},
        "metric_name": asked.metric_name,
        "step": asked.step,
        "epoch": _EPOCH,
        # Earlier steps were on earlier pages.
        "since": max(asked.since, after[0]),
        "until": asked.until,
        "limit": limit,
        **dict(zip(("after_start", "after_group", "after_unit"), after, strict=True)),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(_read(cursor.fetchall()))


def _read(rows: list[tuple[Any, ...]]) -> Iterator[Point]:
    for start, group, unit, total, good, summed, low, high, votes, stars, *rest in rows:
        zero, approximate, idx, cnt = rest
        counts = dict(zip(idx or [], cnt or [], strict=True))
        # Histograms that came without their extremes are not clamped to any.
        bounds = (-math.inf if low is None else low, math.inf if high is None else high)
        histogram = Histogram(counts, zero, *bounds)
        yield Point(
            start=start,
            group=group,
            unit=unit,
            count=total,
            succeeded=good,
            mean=summed / good if good else None,
            min=low,
            max=high,
            votes=votes,
            votes_mean=stars / votes if votes else None,
            approximate=approximate,
            **{name: histogram.quantile(share) for name, share in QUANTILES.items()},
        )
