"""What an alert keeps of the numbers it was raised on: enough to recompute each of them.

Gathered when it opens, and while it is open at most once in FRESH_FOR, from the rows
themselves. ``alerts.recompute`` counts it all again in another way.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.urls import reverse

from alerts.raising import context, queries, rules
from alerts.raising.context import Seen
from slas import compliance
from slas.compliance import Finding
from slas.models import SloVersion
from slas.objectives import BY_SHARE, Kind

FRESH_FOR = timedelta(minutes=1)
MOST_USERS = 20

Evidence = dict[str, Any]

# In the order of the evidence's own names; ``judged`` is the rating for ratings, else the value.
_COUNTS = {
    "total": "count(*)",
    "succeeded": "count(*) FILTER (WHERE success)",
    "good": "count(*) FILTER (WHERE success AND metric_value <= %(good_within)s)",
    "bad": "count(*) FILTER (WHERE {bad})",
    "votes": "count(user_satisfaction_score)",
    "users": "count(DISTINCT user_id) FILTER (WHERE {bad})",
    "given_up": "count(*) FILTER (WHERE metric_value >= %(threshold)s"
    " AND metadata @> '{{\"no_answer\": true}}')",
}
_ORDERED = "WITHIN GROUP (ORDER BY metric_value)"
_VALUES = {
    "median": f"percentile_cont(0.5) {_ORDERED} FILTER (WHERE success)",
    "percentile": f"percentile_cont(%(quantile)s) {_ORDERED} FILTER (WHERE success)",
    "percentile_all": f"percentile_cont(%(quantile)s) {_ORDERED}",
    "mean": "avg(metric_value)",
    "largest": "max(metric_value)",
    "latest": '(array_agg(metric_value ORDER BY "timestamp" DESC, id DESC))[1]',
    "rating": "avg(user_satisfaction_score)",
    "p50": "percentile_cont(0.5) WITHIN GROUP (ORDER BY {judged}) FILTER (WHERE {counted})",
    "p95": "percentile_cont(0.95) WITHIN GROUP (ORDER BY {judged}) FILTER (WHERE {counted})",
}
_FIGURES = f"""
SELECT {", ".join([*_COUNTS.values(), *_VALUES.values()])}, max(id)
FROM ai_performance_metrics WHERE {{where}}
"""  # noqa: S608  # built from the constants above alone
_USERS = """
SELECT user_id, count(*) FROM ai_performance_metrics
WHERE {where} AND {bad} AND user_id IS NOT NULL
GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT %(most)s
"""
_CLIENTS = """
SELECT count(DISTINCT client_id) FILTER (WHERE {bad}), max(id)
FROM ai_performance_metrics WHERE {where}
"""
_OF_CLIENT = " AND client_id = %(client_id)s"


def is_of(before: Evidence, finding: Finding) -> bool:
    """Whether evidence tells of the finding's very promise and rule."""
    if not before.get("window") or "counts" not in before or "graded" not in before:
        return False
    objective, rule = finding.objective, before["rule"]
    told = (rule["threshold"], rule["share"], rule["good_within"], rules.name(before))
    fires = finding.fired.rule.name if finding.fired else ""
    return told == (objective.threshold, objective.share, objective.good_within, fires)


def is_due(before: Evidence, finding: Finding) -> bool:
    """Whether an open alert's evidence is to be gathered again."""
    return not is_of(before, finding) or finding.end - until(before) >= FRESH_FOR


def until(before: Evidence) -> datetime:
    """When the window that evidence tells of ended."""
    return datetime.fromisoformat(before["window"]["end"])


def of(
    finding: Finding, mark: str, held: SloVersion | None, seen: Seen, *, code: str, platform: int
) -> Evidence:
    """Everything needed to recompute the alert; ``mark`` is its fingerprint.

    ``held`` is the version in force, ``seen`` what the pass looked up, ``code`` the client's,
    ``platform`` the id of the client whose rows probes store. All is counted over the finding's
    window, from the rows of one statement: rows above ``newest_row`` came later (of all clients:
    that of ``affected``).
    """
    counts, values, newest = _figures(finding, platform)
    return bare(finding, held) | {
        "counts": counts,
        "values": values,
        "newest_row": newest,
        "baseline": context.baseline(finding, seen),
        "worst": compliance.worst_requests(finding, platform),
        "affected": _affected(finding, platform),
        "concurrent": context.concurrent(finding, mark, seen),
        "queries": _queries(finding, code, platform),
    }


def bare(finding: Finding, held: SloVersion | None = None) -> Evidence:
    """What can be told without counting: of which promise, when, and which rows."""
    objective = finding.objective
    return {
        "objective": objective.key,
        "kind": objective.kind,
        "window": {"start": finding.start.isoformat(), "end": finding.end.isoformat()},
        "selection": _selection(finding),
        "rule": _rule(finding, held),
        "fired": rules.fired(finding),
    }


def _selection(finding: Finding) -> Evidence:
    objective = finding.objective
    return {
        "metric_name": objective.metric_name,
        "component": objective.component,
        # Ratings are taken from rows of any unit.
        "measurement_unit": "" if objective.kind == Kind.SATISFACTION else str(objective.unit),
        "query_complexity": objective.query_complexity,
        "model": objective.model,
        "client_id": finding.client_id,
        "include_synthetic": objective.include_synthetic,
    }


def _rule(finding: Finding, held: SloVersion | None) -> Evidence:
    objective = finding.objective
    return {
        "threshold": objective.threshold,
        "unit": str(objective.threshold_unit),
        "share": objective.share,
        "good_within": objective.good_within,
        "aggregate": str(objective.aggregate),
        "minimum": objective.minimum,
        "version": held.number if held else None,
        "version_id": held.pk if held else None,
        "in_force_since": held.valid_from.isoformat() if held else None,
    }


def _figures(finding: Finding, platform: int) -> tuple[Evidence, Evidence, int | None]:
    where, values = _where(finding, platform)
    by_share = finding.objective.kind in BY_SHARE
    sql = _FIGURES.format(
        where=where + _OF_CLIENT,
        bad=compliance.badness(finding.objective.kind)[0],
        judged=_judged(finding),
        counted="success" if by_share else "true",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        *found, newest = cursor.fetchone()
    counts = dict(zip(_COUNTS, found, strict=False))
    return counts, dict(zip(_VALUES, found[len(_COUNTS) :], strict=True)), newest


def _affected(finding: Finding, platform: int) -> Evidence:
    """Users by how much they were hit, and how many clients were, this one among them."""
    where, values = _where(finding, platform)
    bad = compliance.badness(finding.objective.kind)[0]
    with connection.cursor() as cursor:
        cursor.execute(_USERS.format(where=where + _OF_CLIENT, bad=bad), values)
        users = [{"user_id": user, "bad": count} for user, count in cursor.fetchall()]
        cursor.execute(_CLIENTS.format(where=where, bad=bad), values)
        clients, newest = cursor.fetchone()
    return {"clients": clients, "users": users, "newest_row": newest}


def _where(finding: Finding, platform: int) -> tuple[str, Evidence]:
    objective = finding.objective
    where, values = compliance.selection(objective, finding.start, finding.end, platform)
    return where, values | {
        "client_id": finding.client_id,
        "good_within": objective.good_within,
        "threshold": objective.threshold,
        "quantile": min(objective.share, 100.0) / 100.0,
        "most": MOST_USERS,
    }


def _queries(finding: Finding, code: str, platform: int) -> Evidence:
    found: Evidence = queries.of(
        finding,
        code,
        reverse("metrics"),
        reverse("series"),
        probes=finding.objective.include_synthetic or finding.client_id == platform,
    )
    return found


def _judged(finding: Finding) -> str:
    rated = finding.objective.kind == Kind.SATISFACTION
    return "user_satisfaction_score" if rated else "metric_value"
