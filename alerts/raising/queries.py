"""PURE: addresses of the REST API that answer with the very rows an alert's evidence counts."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from slas.compliance import Finding
from slas.objectives import BY_SHARE, Kind

# The API takes from ``since`` on and before ``until``; a window holds its start and its end: this
# far behind its start and its end. A microsecond is PostgreSQL's smallest step.
FIRST, AFTER = timedelta(0), timedelta(microseconds=1)
MOST_STEPS = 2_000  # of one minute, in one series


def of(finding: Finding, client: str, rows_at: str, series_at: str, *, probes: bool) -> Any:
    """The queries by what they answer with: all rows, and which of them are bad, and why.

    ``client`` is a code; ``rows_at`` and ``series_at`` are the addresses of the two
    resources; ``probes`` says whether probes' rows count.
    """
    objective = finding.objective
    since, until = finding.start, finding.end + AFTER
    named = {
        "metric_name": objective.metric_name,
        "component": objective.component,
        "query_complexity": objective.query_complexity,
        "model": objective.model,
        "client": client,
        "synthetic": "" if probes else "false",
    }
    rows = {**named, "since": _time(since), "until": _time(until)}
    if objective.kind == Kind.SATISFACTION:
        rows["rated"] = "true"
    else:
        rows["measurement_unit"] = str(objective.unit)
    found = {"rows": _address(rows_at, rows)}
    found |= {name: _address(rows_at, rows | more) for name, more in _bad(finding).items()}
    if objective.metric_name and (until - since) <= MOST_STEPS * timedelta(minutes=1):
        whole = finding.start.replace(second=0, microsecond=0)
        asked = {**named, "since": _time(whole), "until": _time(until), "step": "1m"}
        found["series"] = _address(series_at, asked)
    return found


def of_runs(
    probe: str, metric_name: str, client: str, start: datetime, end: datetime, rows_at: str
) -> dict[str, str]:
    """The queries that answer with a probe's runs of a span, both ends included."""
    asked = {
        "metric_name": metric_name,
        "probe": probe,
        "client": client,
        "since": _time(start),
        "until": _time(end + AFTER),
    }
    return {
        "runs": _address(rows_at, asked),
        "failed": _address(rows_at, asked | {"success": "false"}),
    }


def _bad(finding: Finding) -> dict[str, dict[str, str]]:
    objective = finding.objective
    if objective.kind in BY_SHARE:
        slow = {"success": "true", "value_above": repr(float(objective.good_within))}
        return {"failed": {"success": "false"}, "slow": slow}
    threshold = repr(float(objective.threshold))
    if objective.kind == Kind.SATISFACTION:
        return {"bad": {"score_below": threshold}}
    side = "value_above" if objective.kind == Kind.LIMIT else "value_below"
    return {"bad": {side: threshold}}


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _address(path: str, asked: dict[str, str]) -> str:
    return f"{path}?{urlencode({name: value for name, value in asked.items() if value})}"
