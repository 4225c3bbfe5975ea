"""Roll-ups, counted again from the rows in plain Python: what SQL is held against."""

from collections import defaultdict
from typing import Any

from metrics.histogram import SMALLEST, bucket
from metrics.models import MinuteRollup, PerformanceMetric

KEY = (
    "client_id", "minute", "metric_name", "component", "service_name", "query_complexity",
    "model", "measurement_unit", "synthetic",
)  # fmt: skip


def recount() -> dict[tuple[Any, ...], dict[str, Any]]:
    """Series and minute -> counts, over all rows."""
    series: dict[tuple[Any, ...], list[PerformanceMetric]] = defaultdict(list)
    for row in PerformanceMetric.objects.all():
        minute = row.timestamp.replace(second=0, microsecond=0)
        complexity, model = row.query_complexity or "", (row.ml_models_used or [""])[0]
        key = (row.client_id, minute, row.metric_name, row.component, row.service_name)
        series[(*key, complexity, model, row.measurement_unit, row.synthetic)].append(row)
    return {key: _counts(rows) for key, rows in series.items()}


def stored() -> dict[tuple[Any, ...], dict[str, Any]]:
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
        }
        for rollup in MinuteRollup.objects.all()
    }


def _counts(rows: list[PerformanceMetric]) -> dict[str, Any]:
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
    }
