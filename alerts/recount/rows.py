"""An alert's figures, counted in plain Python from the rows that its evidence selects.

Only the evidence says which rows and which promise: no objective and no SQL of the evaluation
is asked, so that an error there shows here.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from accounts.models import PLATFORM, Client
from metrics.models import PerformanceMetric

Evidence = dict[str, Any]
Rows = Sequence[PerformanceMetric]
BY_SHARE, RATED = ("latency", "availability"), "satisfaction"
WORST, USERS = 5, 20


def read(evidence: Evidence) -> list[PerformanceMetric]:
    """The rows of all clients that the evidence selects, in order of time."""
    selection, window = evidence["selection"], evidence["window"]
    names = ("metric_name", "component", "measurement_unit", "query_complexity")
    platform = Client.objects.values_list("pk", flat=True).get(code=PLATFORM)
    found = PerformanceMetric.objects.filter(
        timestamp__gte=datetime.fromisoformat(window["start"]),
        timestamp__lte=datetime.fromisoformat(window["end"]),
        **{name: selection[name] for name in names if selection[name]},
    )
    return [row for row in found.order_by("timestamp", "id") if _fits(row, evidence, platform)]


def of(evidence: Evidence, read: Rows) -> Evidence:
    """Counts, values, worst requests and who is hit, named as in the evidence.

    What was stored after the evidence was gathered is left out.
    """
    newest = evidence["affected"]["newest_row"] or 0
    everyone = [row for row in read if row.pk <= newest]
    own = [row for row in _own(evidence, read) if row.pk <= (evidence["newest_row"] or 0)]
    bad = [row for row in own if is_bad(row, evidence)]
    users = Counter(row.user_id for row in bad if row.user_id is not None)
    hit = sorted(users.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "counts": _counts(own, bad, evidence) | {"users": len(users)},
        "values": _values(own, evidence),
        "worst": [_told(row, evidence) for row in _worst(bad, evidence)],
        "affected": {
            "clients": len({row.client_id for row in everyone if is_bad(row, evidence)}),
            "users": [{"user_id": user, "bad": count} for user, count in hit[:USERS]],
        },
    }


def later(evidence: Evidence, read: Rows) -> int:
    """How many of the window's rows were stored after the evidence was gathered."""
    return sum(row.pk > (evidence["newest_row"] or 0) for row in _own(evidence, read))


def is_bad(row: PerformanceMetric, evidence: Evidence) -> bool:
    """Whether a row speaks against the promise."""
    rule, kind = evidence["rule"], evidence["kind"]
    if kind in BY_SHARE:
        return not row.success or row.metric_value > float(rule["good_within"])
    threshold = float(rule["threshold"])
    if kind == RATED:
        return (row.user_satisfaction_score or 0.0) < threshold
    return row.metric_value > threshold if kind == "limit" else row.metric_value < threshold


def quantile(values: Iterable[float], share: float) -> float | None:
    """PURE: as percentile_cont: between two neighbours in proportion. None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def _own(evidence: Evidence, read: Rows) -> list[PerformanceMetric]:
    return [row for row in read if row.client_id == evidence["selection"]["client_id"]]


def _fits(row: PerformanceMetric, evidence: Evidence, platform: int) -> bool:
    selection = evidence["selection"]
    if evidence["kind"] == RATED and row.user_satisfaction_score is None:
        return False
    if selection["model"] and selection["model"] not in (row.ml_models_used or []):
        return False
    return not row.synthetic or selection["include_synthetic"] or row.client_id == platform


def _counts(own: Rows, bad: Rows, evidence: Evidence) -> Evidence:
    rule = evidence["rule"]
    good = [row for row in own if row.success and row.metric_value <= rule["good_within"]]
    return {
        "total": len(own),
        "succeeded": sum(row.success for row in own),
        "good": len(good),
        "bad": len(bad),
        "votes": sum(row.user_satisfaction_score is not None for row in own),
        "given_up": sum(
            row.metric_value >= rule["threshold"] and (row.metadata or {}).get("no_answer") is True
            for row in own
        ),
    }


def _values(own: Rows, evidence: Evidence) -> dict[str, float | None]:
    share = min(evidence["rule"]["share"], 100.0) / 100.0
    every = [row.metric_value for row in own]
    kept = [row.metric_value for row in own if row.success]
    scores = [row.user_satisfaction_score for row in own if row.user_satisfaction_score is not None]
    judged = kept if evidence["kind"] in BY_SHARE else every
    judged = scores if evidence["kind"] == RATED else judged
    return {
        "median": quantile(kept, 0.5),
        "percentile": quantile(kept, share),
        "percentile_all": quantile(every, share),
        "mean": math.fsum(every) / len(every) if every else None,
        "largest": max(every, default=None),
        "latest": every[-1] if every else None,
        "rating": math.fsum(scores) / len(scores) if scores else None,
        "p50": quantile(judged, 0.5),
        "p95": quantile(judged, 0.95),
    }


def _worst(bad: Rows, evidence: Evidence) -> list[PerformanceMetric]:
    """The newest first of those that are equally bad."""
    judged = _judged(evidence)
    rising = evidence["kind"] not in {*BY_SHARE, "limit"}
    by_time = sorted(bad, key=attrgetter("timestamp"), reverse=True)
    return sorted(by_time, key=judged, reverse=not rising)[:WORST]


def _told(row: PerformanceMetric, evidence: Evidence) -> Evidence:
    return {
        "request_id": row.request_id,
        "value": _judged(evidence)(row),
        "success": row.success,
        "timestamp": row.timestamp.isoformat(),
        "error": (row.metadata or {}).get("error"),
    }


def _judged(evidence: Evidence) -> Callable[[PerformanceMetric], float]:
    rated = evidence["kind"] == RATED
    return attrgetter("user_satisfaction_score" if rated else "metric_value")
