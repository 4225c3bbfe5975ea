"""Rows → exact figures of one objective's window, for the evidence; and the verdicts kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts.models import PLATFORM, Client
from metrics import commits
from slas.burning import Burn
from slas.judge import Figures, Ruling, judge
from slas.models import Verdict
from slas.objectives import Kind, Objective
from slas.windows import Span

# Verdicts that say something although nothing was counted.
_WITHOUT_EVENTS = (Verdict.Status.NO_DATA, Verdict.Status.EXCLUDED)
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
    """One objective judged for one client over one window, both ends included.

    The ruling is about that window: the promise's own, of a breach by share the short window
    of the rule that fired. ``burns`` is how each rule of a share objective stands.
    """

    objective: Objective
    client_id: int
    start: datetime
    end: datetime
    figures: Figures
    ruling: Ruling
    burns: tuple[Burn, ...] = ()
    fired: Burn | None = None
    holding: Burn | None = None  # burns too, but has still to hold
    silent_since: datetime | None = None  # with the verdict no_data
    own: Ruling | None = None  # of the promise's own window, where ``ruling`` is of another
    slo_id: int | None = None
    excluded: tuple[Span, ...] = ()

    @property
    def verdict(self) -> Ruling:
        """What is said of the promise's own window."""
        return self.own or self.ruling

    @property
    def status(self) -> Verdict.Status:
        """The verdict."""
        return self.verdict.status

    @property
    def breached(self) -> bool:
        """Whether there is something to alert of: a rule fires, or what has none is broken."""
        if self.burns:
            return self.fired is not None
        return self.status == Verdict.Status.BREACH

    @property
    def window(self) -> timedelta:
        """The window's length as it is promised; the minute under way comes on top."""
        return self.fired.rule.short if self.fired else self.objective.window

    def recovered(self, opened_by: str) -> bool:
        """Whether an alert that the rule of this name opened is over (any name: without rules).

        Never for want of data. What is excluded altogether leaves nothing to alert of.
        """
        if self.breached or self.status == Verdict.Status.NO_DATA:
            return False
        burn = next((one for one in self.burns if one.rule.name == opened_by), None)
        if burn is None:
            return self.status in (Verdict.Status.OK, Verdict.Status.EXCLUDED)
        if not burn.long.total:
            return self.status == Verdict.Status.EXCLUDED
        return burn.long.total >= self.objective.minimum and burn.recovered


def measure(
    objective: Objective,
    start: datetime,
    end: datetime,
    *,
    platform_id: int | None = None,
    client_id: int | None = None,
) -> list[Finding]:
    """One finding per client with rows from ``start`` to ``end``, or for ``client_id`` alone.

    Both ends are included.
    """
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
    verdicts = [
        _verdict(finding)
        for finding in findings
        if finding.verdict.total or finding.status in _WITHOUT_EVENTS
    ]
    with transaction.atomic():
        commits.need_not_wait()
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


def worst_requests(finding: Finding, platform: int, limit: int = 5) -> list[dict[str, Any]]:
    """The requests that speak most clearly against the objective, worst first.

    ``value`` is what is judged: the rating for satisfaction, else the row's value.
    """
    objective = finding.objective
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
    if kind == Kind.AT_LEAST:
        return "metric_value < %(threshold)s", "metric_value"
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
    parts = ['"timestamp" >= %(start)s', '"timestamp" <= %(end)s', "component = %(component)s"]
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
    end = finding.end.replace(second=0, microsecond=0)
    return Verdict(
        objective=finding.objective.key,
        client_id=finding.client_id,
        window_start=end - finding.objective.window,
        window_end=end,
        status=finding.status,
        total=finding.verdict.total,
        good=finding.verdict.good,
        actual=finding.verdict.actual,
        threshold=finding.objective.threshold,
    )
