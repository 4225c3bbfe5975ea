"""What an alert keeps of the numbers it was raised on."""

from typing import Any

from slas import compliance
from slas.compliance import Finding
from slas.objectives import Kind


def of(finding: Finding, severity_reason: str) -> dict[str, Any]:
    """Everything needed to recompute the alert."""
    objective, figures = finding.objective, finding.figures
    return {
        "objective": objective.key,
        "kind": objective.kind,
        "window": {"start": finding.start.isoformat(), "end": finding.end.isoformat()},
        "selection": {
            "metric_name": objective.metric_name,
            "component": objective.component,
            # Ratings are taken from rows of any unit.
            "measurement_unit": "" if objective.kind == Kind.SATISFACTION else objective.unit,
            "query_complexity": objective.query_complexity,
            "model": objective.model,
            "client_id": finding.client_id,
            "include_synthetic": objective.include_synthetic,
        },
        "rule": {
            "threshold": objective.threshold,
            "unit": objective.threshold_unit,
            "share": objective.share,
            "good_within": objective.good_within,
            "aggregate": objective.aggregate,
            "minimum": objective.minimum,
        },
        "counts": {
            "total": figures.total,
            "succeeded": figures.succeeded,
            "good": figures.good,
            "votes": figures.votes,
            "users": figures.users,
        },
        "values": {
            "median": figures.median,
            "percentile": figures.percentile,
            "percentile_all": figures.percentile_all,
            "mean": figures.mean,
            "largest": figures.largest,
            "latest": figures.latest,
            "rating": figures.rating,
        },
        "severity_reason": severity_reason,
        "worst": compliance.worst_requests(finding),
    }
