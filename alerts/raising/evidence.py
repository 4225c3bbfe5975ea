"""What an alert keeps of the numbers it was raised on."""

import math
from datetime import datetime, timedelta
from typing import Any

from slas import compliance
from slas.budget import Counts
from slas.burning import Burn
from slas.compliance import Finding
from slas.objectives import Kind

# The worst requests are searched anew this often, not at every evaluation.
WORST_FOR = timedelta(minutes=1)


def of(finding: Finding, severity_reason: str, before: dict[str, Any] | None) -> dict[str, Any]:
    """Everything needed to recompute the alert; ``before`` is the open alert's evidence, if any."""
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
        "fired": fired(finding.fired),
        # An alert ends by the rule that opened it.
        "opened_by": (before or {}).get("opened_by") or _name(finding.fired),
        "severity_reason": severity_reason,
        **_worst(finding, before or {}),
    }


def fired(burn: Burn | None) -> dict[str, Any] | None:
    """The rule that fires with what it saw in both windows (seconds, events); None without one."""
    if burn is None:
        return None
    rates = [None if rate is None or math.isinf(rate) else rate for rate in burn.rates()]
    return {
        "rule": burn.rule.name,
        "pages": burn.rule.pages,
        "threshold": burn.rule.burn,
        "hold": burn.rule.hold.total_seconds(),
        "long": _seen(burn.rule.long, burn.long, rates[0]),
        "short": _seen(burn.rule.short, burn.short, rates[1]),
    }


def _seen(window: timedelta, counts: Counts, burn: float | None) -> dict[str, Any]:
    # No JSON holds infinity: where nothing may be bad there is no burn rate.
    return {
        "seconds": window.total_seconds(),
        "burn": burn,
        "bad": counts.bad,
        "total": counts.total,
    }


def _name(burn: Burn | None) -> str:
    return burn.rule.name if burn else ""


def _worst(finding: Finding, before: dict[str, Any]) -> dict[str, Any]:
    as_of = before.get("worst_as_of")
    if as_of is not None and finding.end - datetime.fromisoformat(as_of) < WORST_FOR:
        return {"worst": before["worst"], "worst_as_of": as_of}
    return {"worst": compliance.worst_requests(finding), "worst_as_of": finding.end.isoformat()}
