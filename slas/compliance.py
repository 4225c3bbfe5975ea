"""Rows → figures → verdicts, over sliding windows."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DataError, connection, transaction

from accounts.models import PLATFORM, Client
from slas import contracts
from slas.judge import Figures, Ruling, judge
from slas.models import Verdict
from slas.objectives import Kind, Objective

logger = logging.getLogger(__name__)

_MEASURE = """
SELECT client_id,
    count(*),
    count(*) FILTER (WHERE success),
    count(*) FILTER (WHERE success AND metric_value <= %(good_within)s),
    percentile_cont(%(quantile)s) WITHIN GROUP (ORDER BY metric_value) FILTER (WHERE success),
    percentile_cont(%(quantile)s) WITHIN GROUP (ORDER BY metric_value),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY metric_value) FILTER (WHERE success),
    avg(metric_value),
    max(metric_value),
    (array_agg(metric_value ORDER BY "timestamp" DESC, id DESC))[1],
    count(user_satisfaction_score),
    avg(user_satisfaction_score),
    count(DISTINCT user_id) FILTER (WHERE NOT success OR metric_value > %(good_within)s),
    count(*) FILTER (
        WHERE metric_value >= %(threshold)s AND metadata @> '{{"no_answer": true}}')
FROM ai_performance_metrics
WHERE {where}
GROUP BY client_id
"""
_WORST = """
SELECT request_id, {value}, success, "timestamp", metadata ->> 'error'
FROM ai_performance_metrics
WHERE {where} AND {bad}
ORDER BY {order}, "timestamp" DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Finding:
    """One objective judged for one client over one window (start excluded, end included)."""

    objective: Objective
    client_id: int
    start: datetime
    end: datetime
    figures: Figures
    ruling: Ruling

    @property
    def status(self) -> Verdict.Status:
        """The verdict."""
        return self.ruling.status


def evaluate(objectives: Iterable[Objective], now: datetime) -> list[Finding]:
    """Judge every objective for every client that has rows in its window.

    Where a client's contract is in force, its objectives take the place of the SLA's.
    """
    platform = Client.objects.get(code=PLATFORM).pk
    own = contracts.now_promised(now)
    replaced = {(client, objective.key) for client, objective in own}
    findings: list[Finding] = []
    for client, objective in [*((None, one) for one in objectives), *own]:
        try:
            with transaction.atomic():
                found = measure(
                    *(objective, now - objective.window, now),
                    platform_id=platform,
                    client_id=client,
                )
        except DataError:
            # Values whose mean overflows must not silence all other promises.
            logger.exception("measuring failed", extra={"objective": objective.key})
            continue
        is_default = client is None
        findings += [
            one for one in found if not (is_default and (one.client_id, objective.key) in replaced)
        ]
    return findings


def measure(
    objective: Objective,
    start: datetime,
    end: datetime,
    *,
    platform_id: int | None = None,
    client_id: int | None = None,
) -> list[Finding]:
    """One finding per client with rows in (start, end], or for ``client_id`` alone."""
    if platform_id is None:
        platform_id = Client.objects.get(code=PLATFORM).pk
    where, values = selection(objective, start, end, platform_id)
    if client_id is not None:
        where += " AND client_id = %(client_id)s"
        values["client_id"] = client_id
    quantile = min(objective.share, 100.0) / 100.0
    values |= {
        "good_within": objective.good_within,
        "threshold": objective.threshold,
        "quantile": quantile,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MEASURE.format(where=where), values)
        counted = [(row[0], Figures(*row[1:])) for row in cursor.fetchall()]
    return [
        Finding(objective, client, start, end, figures, judge(objective, figures))
        for client, figures in counted
    ]


def record(findings: Iterable[Finding]) -> int:
    """Store the verdicts, one a minute for each objective and client; the latest counts."""
    verdicts = [_verdict(finding) for finding in findings if finding.ruling.total]
    Verdict.objects.bulk_create(
        verdicts,
        update_conflicts=True,
        unique_fields=["client", "objective", "window_end"],
        update_fields=["window_start", "status", "total", "good", "actual", "threshold"],
    )
    return len(verdicts)


def forget_old(now: datetime) -> int:
    """Delete verdicts past VERDICT_RETENTION_DAYS; return how many."""
    oldest = now - timedelta(days=settings.VERDICT_RETENTION_DAYS)
    return Verdict.objects.filter(window_end__lt=oldest).delete()[0]


def worst_requests(finding: Finding, limit: int = 5) -> list[dict[str, Any]]:
    """The requests that speak most clearly against the objective, worst first.

    ``value`` is what is judged: the rating for satisfaction, else the row's value.
    """
    objective = finding.objective
    platform = Client.objects.get(code=PLATFORM).pk
    where, values = selection(objective, finding.start, finding.end, platform)
    values |= {
        "client_id": finding.client_id,
        "good_within": objective.good_within,
        "threshold": objective.threshold,
        "limit": limit,
    }
    bad, order = badness(objective.kind)
    judged = "user_satisfaction_score" if objective.kind == Kind.SATISFACTION else "metric_value"
    where += " AND client_id = %(client_id)s"
    with connection.cursor() as cursor:
        cursor.execute(_WORST.format(value=judged, where=where, bad=bad, order=order), values)
        names = ("request_id", "value", "success", "timestamp", "error")
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [{**row, "timestamp": row["timestamp"].isoformat()} for row in rows]


def badness(kind: Kind) -> tuple[str, str]:
    """SQL that tells a bad row, and sorts the worst first."""
    if kind == Kind.SATISFACTION:
        return "user_satisfaction_score < %(threshold)s", "user_satisfaction_score"
    if kind == Kind.LIMIT:
        return "metric_value > %(threshold)s", "metric_value DESC"
    return "(NOT success OR metric_value > %(good_within)s)", "metric_value DESC"


def selection(
    objective: Objective, start: datetime, end: datetime, platform_id: int
) -> tuple[str, dict[str, Any]]:
    """The WHERE clause, from fixed parts only, and its values.

    Probes' rows count for the platform, whose promises nothing else may be
    measuring; a customer's figures are its own traffic, unless the promise
    says otherwise. Ratings come on rows of any metric, but of the component: a
    vote carries that of the request it rates.
    """
    parts = ['"timestamp" > %(start)s', '"timestamp" <= %(end)s', "component = %(component)s"]
    values: dict[str, Any] = {"start": start, "end": end, "component": objective.component}
    if objective.metric_name:
        parts.append("metric_name = %(metric_name)s")
        values["metric_name"] = objective.metric_name
    if objective.kind == Kind.SATISFACTION:
        parts.append("user_satisfaction_score IS NOT NULL")
    else:
        parts.append("measurement_unit = %(unit)s")
        values["unit"] = str(objective.unit)
    if objective.query_complexity:
        parts.append("query_complexity = %(query_complexity)s")
        values["query_complexity"] = objective.query_complexity
    if objective.model:
        parts.append("ml_models_used ? %(model)s")
        values["model"] = objective.model
    if not objective.include_synthetic:
        parts.append("(NOT synthetic OR client_id = %(platform_id)s)")
        values["platform_id"] = platform_id
    return " AND ".join(parts), values


def _verdict(finding: Finding) -> Verdict:
    return Verdict(
        objective=finding.objective.key,
        client_id=finding.client_id,
        window_start=finding.start,
        window_end=finding.end.replace(second=0, microsecond=0),
        status=finding.ruling.status,
        total=finding.ruling.total,
        good=finding.ruling.good,
        actual=finding.ruling.actual,
        threshold=finding.objective.threshold,
    )
