"""The noise ledger: what each rule told people, and whether anybody needed to hear it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

# Over so soon, nobody could have done anything.
SHORT = timedelta(minutes=5)
DAYS = (7, 30, 90)
# From so many on, shares say something.
LEAST_FIRED, LEAST_MARKED = 5, 3
MOST_SHORT, LEAST_ACTIONABLE = 0.5, 0.5
_LEDGER = """
WITH told AS (
    SELECT a.id, COALESCE(NULLIF(a.objective, ''), a.metric_name) AS what, a.rule, a.objective,
        a.actionable, a.status, a.resolved_by_id,
        min(e.at) FILTER (WHERE e.to_status = 'firing'
            AND e.kind IN ('opened', 'fired', 'reopened')) AS fired_at,
        count(*) FILTER (WHERE e.to_status = 'firing'
            AND e.kind IN ('opened', 'fired', 'reopened')) AS fired,
        min(e.at) FILTER (WHERE e.kind = 'acknowledged') AS taken_at,
        max(e.at) FILTER (WHERE e.kind = 'resolved') AS resolved_at,
        bool_or(e.kind = 'flapping') AS flapped
    FROM ai_performance_alerts a JOIN alert_events e ON e.alert_id = a.id
    WHERE a.created_at > %(since)s AND a.created_at <= %(until)s
        AND a.client_id = ANY(%(clients)s)
    GROUP BY a.id
)
SELECT what, rule, max(objective),
    COALESCE(sum(fired), 0),
    count(*) FILTER (WHERE fired = 0),
    count(*) FILTER (WHERE taken_at IS NOT NULL),
    count(*) FILTER (WHERE fired > 0),
    count(*) FILTER (WHERE fired > 0 AND status = 'resolved' AND resolved_by_id IS NULL
        AND resolved_at - fired_at < %(short)s),
    count(actionable), count(*) FILTER (WHERE actionable),
    count(*) FILTER (WHERE flapped),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY taken_at - fired_at)
        FILTER (WHERE taken_at >= fired_at),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY resolved_at - fired_at)
        FILTER (WHERE status = 'resolved' AND fired > 0)
FROM told GROUP BY what, rule ORDER BY 4 DESC, 1, 2
"""


@dataclass(frozen=True)
class Line:
    """One rule of one objective (or metric). Times are medians."""

    what: str  # the objective's key, else the metric
    rule: str
    objective: str
    fired: int  # how often people could hear of it: reopened ones count again
    quiet: int  # alerts that were pending or suppressed all along
    acknowledged: int  # alerts that somebody took on
    alerts: int  # alerts that fired at all
    short: int  # of these, resolved by the portal in less than SHORT
    marked: int
    actionable: int
    flapped: int
    mtta: timedelta | None  # from firing to the first acknowledgement
    mttr: timedelta | None  # from firing to the last resolution

    @property
    def actionable_share(self) -> float | None:
        """Of those that people judged; None when they judged none."""
        return self.actionable / self.marked if self.marked else None

    @property
    def why_noisy(self) -> str:
        """What is to be said against the rule; "" when there is nothing, or too little to tell."""
        if self.fired < LEAST_FIRED:
            return ""
        share = self.actionable_share
        if share is not None and self.marked >= LEAST_MARKED and share < LEAST_ACTIONABLE:
            return f"{self.marked - self.actionable} of {self.marked} judged not actionable"
        if self.short >= MOST_SHORT * self.alerts:
            return f"{self.short} of {self.alerts} over within {SHORT.seconds // 60} min"
        return f"{self.flapped} flapped" if self.flapped else ""


def ledger(client_ids: Sequence[int], since: datetime, until: datetime) -> list[Line]:
    """A line for each rule whose alerts opened in (since, until], the most told first."""
    values: dict[str, Any] = {
        "since": since,
        "until": until,
        "clients": list(client_ids),
        "short": SHORT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LEDGER, values)
        return [Line(*row) for row in cursor.fetchall()]
