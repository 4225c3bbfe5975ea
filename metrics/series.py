"""A metric over time, from the roll-ups alone: counts, extremes, percentiles by step.

Steps of whole hours are read from hours and days (metrics.longer), shorter ones, and hours
that are behind, from minutes.

Percentiles come from the merged histograms: they err by at most
histogram.MAX_RELATIVE_ERROR, and more where a roll-up is marked as approximate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import connection

from metrics import longer, packed, spans
from metrics.histogram import QUANTILES, read
from metrics.packed import Packed
from metrics.spans import DAY, HOUR, Parts

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
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FILTERS = frozenset(
    {"component", "service_name", "model", "query_complexity", "client_id", "synthetic"}
)

# Of the times in one table; its histograms are arrays (minutes) or packed.
_SOURCE = """
    SELECT date_bin(%(step)s, r.{time}, %(epoch)s) AS start, {group} AS grp,
        r.measurement_unit AS unit, r.total, r.succeeded, r.value_sum, r.value_min, r.value_max,
        r.votes, r.votes_sum, r.hist_zero, r.approximate, {histogram}
    FROM unnest(%({time}_starts)s::timestamptz[], %({time}_ends)s::timestamptz[])
        AS k (since, until)
    JOIN {table} r ON r.{time} >= k.since AND r.{time} < k.until
    WHERE r.metric_name = %(metric_name)s {filters}
"""
_ARRAYS = (
    "r.hist_idx, r.hist_cnt, NULL::smallint AS hist_low, NULL::bytea AS hist_counts, "
    + ", ".join(f"NULL::float8 AS {name}" for name in QUANTILES)
)
_PACKED = (
    "NULL::smallint[] AS hist_idx, NULL::bigint[] AS hist_cnt, r.hist_low, r.hist_counts, "
    + ", ".join(f"r.{name}" for name in QUANTILES)
)
# A point that is one hour or day as it is stored has its percentiles; for others the histograms
# are read.
_STORED = ", ".join(f"min({name}) AS {name}" for name in QUANTILES)
_POINTS = """
WITH picked AS MATERIALIZED (
    {sources}
), points AS (
    SELECT start, grp, unit, sum(total) AS total, sum(succeeded) AS succeeded,
        sum(value_sum) AS value_sum, min(value_min) AS low, max(value_max) AS high,
        sum(votes) AS votes, sum(votes_sum) AS votes_sum, sum(hist_zero) AS zero,
        bool_or(approximate) AS approximate,
        count(*) = 1 AND bool_and(hist_low IS NOT NULL) AS stored, {quantiles}
    FROM picked GROUP BY start, grp, unit
    HAVING (start, grp, unit) > (%(after_start)s, %(after_group)s, %(after_unit)s)
    ORDER BY start, grp, unit LIMIT %(limit)s
), merged AS (
    SELECT start, grp, unit, array_agg(idx ORDER BY idx) AS idx, array_agg(cnt ORDER BY idx) AS cnt
    FROM (
        SELECT start, grp, unit, idx, sum(cnt)::bigint AS cnt
        FROM picked JOIN points USING (start, grp, unit), unnest(hist_idx, hist_cnt) AS u (idx, cnt)
        WHERE hist_idx IS NOT NULL
        GROUP BY start, grp, unit, idx
    ) buckets
    GROUP BY start, grp, unit
)
SELECT extract(epoch FROM start)::bigint AS seconds, grp, unit, total::bigint, succeeded::bigint,
    value_sum, low, high, votes::bigint, votes_sum, zero::bigint, approximate,
    stored, p50, p90, p95, p99, idx, cnt, part.hist_low, part.hist_counts
FROM points LEFT JOIN merged USING (start, grp, unit) LEFT JOIN (
    SELECT start, grp, unit, hist_low, hist_counts
    FROM picked JOIN (SELECT start, grp, unit FROM points WHERE NOT stored) several
        USING (start, grp, unit)
    WHERE hist_counts IS NOT NULL
) part USING (start, grp, unit)
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
    # Earlier steps were on earlier pages.
    parts = _parts(asked, max(asked.since, after[0]))
    values: dict[str, Any] = {
        **{name: asked.filters[name] for name in asked.filters.keys() & _FILTERS},
        "metric_name": asked.metric_name,
        "step": asked.step,
        "epoch": _EPOCH,
        "limit": limit,
        **dict(zip(("after_start", "after_group", "after_unit"), after, strict=True)),
    }
    for time, of_time in zip(("day", "hour", "minute"), parts, strict=True):
        values[f"{time}_starts"] = [since for since, _ in of_time]
        values[f"{time}_ends"] = [until for _, until in of_time]
    with connection.cursor() as cursor:
        cursor.execute(_POINTS.format(sources=_sources(asked, parts), quantiles=_STORED), values)
        return list(_read(cursor.fetchall()))


def _parts(asked: Asked, since: datetime) -> Parts:
    """Which times to read from which roll-ups, so that each lies in one step."""
    span = (since, asked.until)
    if asked.step % HOUR:
        return Parts([], [], [span])
    behind = longer.behind([asked.metric_name], *span, asked.filters.get("client_id"))
    found = spans.parts([span], behind)
    if asked.step % DAY or _of_all(asked):
        return Parts([], sorted(found.hours + found.days), found.minutes)
    return found


def _of_all(asked: Asked) -> bool:
    """Whether all clients' series are asked for together: those are summed up by hour."""
    return not asked.group_by and asked.filters.keys() <= {"synthetic"}


def _sources(asked: Asked, parts: Parts) -> str:
    group = f"r.{GROUPS[asked.group_by]}::text" if asked.group_by else "''"
    names = sorted(asked.filters.keys() & _FILTERS)
    filters = "".join(f" AND r.{name} = %({name})s" for name in names)
    hours = "metric_hours" if _of_all(asked) else "hour_rollups"
    return " UNION ALL ".join(
        _SOURCE.format(table=table, time=time, histogram=histogram, group=group, filters=filters)
        for table, time, histogram, wanted in (
            ("minute_rollups", "minute", _ARRAYS, True),
            (hours, "hour", _PACKED, parts.hours),
            ("day_rollups", "day", _PACKED, parts.days),
        )
        if wanted
    )


def _read(rows: list[tuple[Any, ...]]) -> Iterator[Point]:
    """Points from rows: one, or one for each packed histogram that a point is merged from."""
    for (seconds, group, unit), several in groupby(rows, key=lambda row: row[:3]):
        of_point = list(several)
        total, good, summed, low, high, votes, stars, zero, approximate, *rest = of_point[0][3:]
        stored, p50, p90, p95, p99, idx, cnt, _, _ = rest
        if not stored:
            parts = [Packed(first, bytes(counts)) for *_, first, counts in of_point if counts]
            counts = packed.merge(parts, dict(zip(idx or [], cnt or [], strict=True)))
            p50, p90, p95, p99 = read(counts, zero, low, high).values()
        yield Point(
            # Reading a number is much faster than reading a time.
            start=_EPOCH + timedelta(seconds=seconds),
            group=group,
            unit=unit,
            count=total,
            succeeded=good,
            mean=summed / good if good else None,
            min=low,
            max=high,
            p50=p50,
            p90=p90,
            p95=p95,
            p99=p99,
            votes=votes,
            votes_mean=stars / votes if votes else None,
            approximate=approximate,
        )
