"""A failing probe's figures, counted in plain Python from the runs that its evidence selects."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from metrics.models import PerformanceMetric

Evidence = dict[str, Any]
Rows = Sequence[PerformanceMetric]
KIND = "probe_failed"
LAST = 10


def read(evidence: Evidence) -> list[PerformanceMetric]:
    """The probe's rows, from where its last success was looked for to the window's end."""
    selection = evidence["selection"]
    found = PerformanceMetric.objects.filter(
        client_id=selection["client_id"],
        metric_name=selection["metric_name"],
        synthetic=True,
        timestamp__gte=datetime.fromisoformat(selection["looked_from"]),
        timestamp__lte=datetime.fromisoformat(evidence["window"]["end"]),
    )
    return [
        row
        for row in found.order_by("timestamp", "id")
        if (row.metadata or {}).get("probe") == selection["probe"]
    ]


def of(evidence: Evidence, read: Rows) -> Evidence:
    """Counts, values, the last failed runs and the last success, named as in the evidence."""
    known = [row for row in read if row.pk <= evidence["newest_row"]]
    runs = [row for row in known if row.timestamp >= _start(evidence)]
    failed = [row for row in runs if not row.success]
    good = [row for row in known if row.success]
    answered = [row.metric_value for row in failed if _answered(row)]
    succeeded = len(runs) - len(failed)
    return {
        "counts": {
            "total": len(runs),
            "succeeded": succeeded,
            "good": succeeded,
            "bad": len(failed),
            "unanswered": len(failed) - len(answered),
        },
        "values": {
            "largest": max(answered, default=None),
            "mean": math.fsum(answered) / len(answered) if answered else None,
        },
        "worst": [_told(row) for row in reversed(failed[-LAST:])],
        "last_success": _told(good[-1]) if good else None,
    }


def later(evidence: Evidence, read: Rows) -> int:
    """How many of the window's runs were stored after the evidence was gathered."""
    start, newest = _start(evidence), evidence["newest_row"]
    return sum(row.timestamp >= start and row.pk > newest for row in read)


def _answered(row: PerformanceMetric) -> bool:
    return not (row.metadata or {}).get("no_answer", False)


def _start(evidence: Evidence) -> datetime:
    return datetime.fromisoformat(evidence["window"]["start"])


def _told(row: PerformanceMetric) -> Evidence:
    return {
        "request_id": row.request_id,
        "value": row.metric_value,
        "success": row.success,
        "answered": _answered(row),
        "timestamp": row.timestamp.isoformat(),
        "error": (row.metadata or {}).get("error"),
    }
