"""Percentiles of the requests that an objective looks at, over any spans, from the roll-ups.

They err by at most metrics.histogram.MAX_RELATIVE_ERROR, and by more where a
roll-up is marked as approximate. They cover what succeeded: a failed request
took no time that could be compared. Verdicts never come from them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection

from metrics import longer, packed
from metrics.histogram import read
from metrics.packed import Packed
from metrics.spans import Parts, parts
from slas.models import SloVersion
from slas.windows import Span

NAMES = ("p50", "p95", "p99")

_ASKED = """
    SELECT * FROM unnest(%(numbers)s::int[], %(metrics)s::text[], %(components)s::text[],
        %(units)s::text[], %(complexities)s::text[], %(models)s::text[], %(synthetic)s::bool[])
        AS a (number, metric_name, component, unit, query_complexity, model, synthetic)
"""
_PICKED = """
    SELECT a.number, r.hist_zero, r.value_min, r.value_max, r.approximate, {histogram}
    FROM asked a
    JOIN unnest(%({time}_starts)s::timestamptz[], %({time}_ends)s::timestamptz[])
        AS k (since, until) ON true
    JOIN {time}_rollups r ON r.metric_name = a.metric_name AND r.{time} >= k.since
        AND r.{time} < k.until AND r.component = a.component AND r.measurement_unit = a.unit
        AND (a.query_complexity = '' OR r.query_complexity = a.query_complexity)
        AND (a.model = '' OR r.model = a.model) AND (a.synthetic OR NOT r.synthetic)
    WHERE r.client_id = %(client)s
"""
_MINUTES = f"""
WITH asked AS ({_ASKED}), picked AS MATERIALIZED (
    {_PICKED.format(time="minute", histogram="r.hist_idx, r.hist_cnt")}
), buckets AS (
    SELECT number, array_agg(idx) AS idx, array_agg(cnt) AS cnt FROM (
        SELECT number, idx, sum(cnt)::bigint AS cnt
        FROM picked, unnest(hist_idx, hist_cnt) AS u (idx, cnt) GROUP BY number, idx
    ) merged GROUP BY number
)
SELECT number, sum(hist_zero)::bigint, min(value_min), max(value_max), bool_or(approximate),
    idx, cnt
FROM picked LEFT JOIN buckets USING (number) GROUP BY number, idx, cnt
"""  # noqa: S608  # built from the constants above alone
_LONGER = f"""
WITH asked AS ({_ASKED})
SELECT number, sum(hist_zero)::bigint, min(value_min), max(value_max), bool_or(approximate),
    array_agg(hist_low), array_agg(hist_counts)
FROM ({{picked}}) picked GROUP BY number
"""  # noqa: S608  # built from the constants above alone


@dataclass(frozen=True, order=True)
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

    values: dict[str, float]  # by NAMES
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
    wanted = sorted(set(asked))
    if not wanted or not spans:
        return {}
    names = sorted({one.metric_name for one in wanted})
    start, end = min(since for since, _ in spans), max(until for _, until in spans)
    behind = longer.behind(names, start, end, client_id)
    values: dict[str, Any] = {
        "client": client_id,
        "numbers": list(range(len(wanted))),
        "metrics": [one.metric_name for one in wanted],
        "components": [one.component for one in wanted],
        "units": [one.unit for one in wanted],
        "complexities": [one.query_complexity for one in wanted],
        "models": [one.model for one in wanted],
        "synthetic": [one.synthetic for one in wanted],
    }
    merged: dict[int, _Merged] = defaultdict(_Merged)
    for number, *row in _rows(values, parts(spans, behind)):
        merged[number].add(*row)
    found = {number: one.percentiles() for number, one in merged.items()}
    return {wanted[number]: one for number, one in found.items() if one is not None}


class _Merged:
    """What is found for one selection."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.packed: list[Packed] = []
        self.zero = 0
        self.approximate = False
        self.lows: list[float] = []
        self.highs: list[float] = []

    def add(
        self, zero: int, low: float | None, high: float | None, approximate: bool, *histogram: Any
    ) -> None:
        """Add a part with (buckets, counts), or many packed histograms (lowest buckets, counts)."""
        self.zero += zero
        self.approximate |= approximate
        self.lows += [] if low is None else [low]
        self.highs += [] if high is None else [high]
        first, counts = histogram
        if counts and isinstance(counts[0], bytes):
            self.packed += map(Packed, first, counts)
        else:
            self.counts = dict(zip(first or [], counts or [], strict=True))

    def percentiles(self) -> Percentiles | None:
        """None without values."""
        counts = packed.merge(self.packed, self.counts)
        found = read(counts, self.zero, min(self.lows, default=None), max(self.highs, default=None))
        known = {name: value for name in NAMES if (value := found[name]) is not None}
        return Percentiles(known, self.approximate) if known else None


def _rows(values: dict[str, Any], found: Parts) -> Iterator[tuple[Any, ...]]:
    """One a selection from days and hours, and one from minutes."""
    for time, of_time in zip(("day", "hour", "minute"), found, strict=True):
        values[f"{time}_starts"] = [since for since, _ in of_time]
        values[f"{time}_ends"] = [until for _, until in of_time]
    longer_ones = [
        _PICKED.format(time=time, histogram="r.hist_low, r.hist_counts")
        for time, of_time in (("day", found.days), ("hour", found.hours))
        if of_time
    ]
    if longer_ones:
        yield from _binary(_LONGER.format(picked=" UNION ALL ".join(longer_ones)), values)
    if found.minutes:
        with connection.cursor() as cursor:
            cursor.execute(_MINUTES, values)
            yield from cursor.fetchall()


def _binary(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All rows, their bytes as they are: as text, which Django asks for, they take half as long
    again.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, values, binary=True).fetchall()
