"""Roll-ups, counted again from rows and histogram points in plain Python: SQL is held to it."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from metrics import packed
from metrics.histogram import SMALLEST, Histogram, bucket
from metrics.models import (
    DayRollup,
    HistogramPoint,
    HourRollup,
    MetricHour,
    MinuteRollup,
    PerformanceMetric,
)

KEY = (
    "client_id", "minute", "metric_name", "component", "service_name", "query_complexity",
    "model", "measurement_unit", "synthetic",
)  # fmt: skip


Key = tuple[Any, ...]
Counts = dict[str, Any]


def recount() -> dict[Key, Counts]:
    """Series and minute -> counts, over all rows and histogram points."""
    rows: dict[Key, list[PerformanceMetric]] = defaultdict(list)
    for row in PerformanceMetric.objects.all():
        minute = row.timestamp.replace(second=0, microsecond=0)
        complexity, model = row.query_complexity or "", (row.ml_models_used or [""])[0]
        key = (row.client_id, minute, row.metric_name, row.component, row.service_name)
        rows[(*key, complexity, model, row.measurement_unit, row.synthetic)].append(row)
    found = {key: _counts(several) for key, several in rows.items()}
    for point in HistogramPoint.objects.all():
        key = (*(getattr(point, name) for name in KEY[:-1]), False)
        found[key] = _with_point(found.get(key) or _counts([]), point)
    return found


def stored() -> dict[Key, Counts]:
    """The same, as the roll-ups say it."""
    return {
        tuple(getattr(rollup, name) for name in KEY): {
            "total": rollup.total,
            "succeeded": rollup.succeeded,
            "value_sum": round(rollup.value_sum, 6),
            "extremes": (rollup.value_min, rollup.value_max),
            "votes": (rollup.votes, rollup.votes_sum),
            "zero": rollup.hist_zero,
            "buckets": dict(zip(rollup.hist_idx, rollup.hist_cnt, strict=True)),
            "approximate": rollup.approximate,
        }
        for rollup in MinuteRollup.objects.all()
    }


def stored_longer() -> tuple[dict[Key, Counts], ...]:
    """Hours, days, and hours over all clients, as they are stored."""
    return (
        {_longer_key(one, one.hour): _longer(one) for one in HourRollup.objects.all()},
        {_longer_key(one, one.day): _longer(one) for one in DayRollup.objects.all()},
        {
            (one.hour, one.metric_name, one.measurement_unit, one.synthetic): _longer(one)
            for one in MetricHour.objects.all()
        },
    )


def recount_longer() -> tuple[dict[Key, Counts], ...]:
    """The same, added up from the minutes that are stored."""
    return (
        _added_up(lambda key: (key[0], _hour(key[1]), *key[2:])),
        _added_up(lambda key: (key[0], _hour(key[1]).replace(hour=0), *key[2:])),
        _added_up(lambda key: (_hour(key[1]), key[2], key[7], key[8])),
    )


def _hour(minute: datetime) -> datetime:
    return minute.replace(minute=0)


def _added_up(key_of: Callable[[Key], Key]) -> dict[Key, Counts]:
    groups: dict[Key, list[Counts]] = defaultdict(list)
    for key, counts in stored().items():
        groups[key_of(key)].append(counts)
    return {key: _sum(several) for key, several in groups.items()}


def _sum(several: list[Counts]) -> Counts:
    lows = [one["extremes"][0] for one in several if one["extremes"][0] is not None]
    highs = [one["extremes"][1] for one in several if one["extremes"][1] is not None]
    buckets: Counter[int] = Counter()
    for one in several:
        buckets.update(one["buckets"])
    found: Counts = {
        "total": sum(one["total"] for one in several),
        "succeeded": sum(one["succeeded"] for one in several),
        "value_sum": round(sum(one["value_sum"] for one in several), 3),
        "extremes": (min(lows, default=None), max(highs, default=None)),
        "votes": tuple(sum(one["votes"][place] for one in several) for place in (0, 1)),
        "zero": sum(one["zero"] for one in several),
        "buckets": dict(buckets),
        "approximate": any(one["approximate"] for one in several),
    }
    return {**found, "quantiles": _quantiles(found)}


def _quantiles(counts: Counts) -> list[float | None]:
    low, high = counts["extremes"]
    bounds = (-math.inf if low is None else low, math.inf if high is None else high)
    histogram = Histogram(counts["buckets"], counts["zero"], *bounds)
    return [histogram.quantile(share) for share in (0.5, 0.9, 0.95, 0.99)]


def _longer_key(one: HourRollup | DayRollup, start: datetime) -> Key:
    return (one.client_id, start, *(getattr(one, name) for name in KEY[2:]))


def _longer(one: HourRollup | DayRollup | MetricHour) -> Counts:
    return {
        "total": one.total,
        "succeeded": one.succeeded,
        "value_sum": round(one.value_sum, 3),
        "extremes": (one.value_min, one.value_max),
        "votes": (one.votes, one.votes_sum),
        "zero": one.hist_zero,
        "buckets": _buckets(packed.Packed(one.hist_low, bytes(one.hist_counts))),
        "approximate": one.approximate,
        "quantiles": [one.p50, one.p90, one.p95, one.p99],
    }


def _buckets(stored: packed.Packed) -> dict[int, int]:
    low, counts = packed.merge([stored])
    return {low + place: count for place, count in enumerate(counts) if count}


def _counts(rows: list[PerformanceMetric]) -> Counts:
    values = [row.metric_value for row in rows if row.success]
    votes = [row.user_satisfaction_score for row in rows if row.user_satisfaction_score is not None]
    buckets: dict[int, int] = defaultdict(int)
    for value in values:
        if value >= SMALLEST:
            buckets[bucket(value)] += 1
    return {
        "total": len(rows),
        "succeeded": len(values),
        "value_sum": round(sum(values), 6),
        "extremes": (min(values), max(values)) if values else (None, None),
        "votes": (len(votes), sum(votes)),
        "zero": sum(value < SMALLEST for value in values),
        "buckets": dict(buckets),
        "approximate": False,
    }


def _with_point(counts: Counts, point: HistogramPoint) -> Counts:
    """The counts with those of one more histogram."""
    more = {**counts, "total": counts["total"] + point.total}
    if not point.succeeded:
        return more
    buckets = defaultdict(int, counts["buckets"])
    for index, count in zip(point.hist_idx, point.hist_cnt, strict=True):
        buckets[index] += count
    low, high = counts["extremes"]
    return {
        **more,
        "succeeded": counts["succeeded"] + point.succeeded,
        "value_sum": round(counts["value_sum"] + point.value_sum, 6),
        "extremes": (
            point.value_min if low is None else min(low, point.value_min),
            point.value_max if high is None else max(high, point.value_max),
        ),
        "zero": counts["zero"] + point.hist_zero,
        "buckets": dict(buckets),
        "approximate": counts["approximate"] or point.approximate,
    }
