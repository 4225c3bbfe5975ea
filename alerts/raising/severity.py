"""How grave a breach is: the first row of the severity table that fits it.

The table is data that people edit (models.SeverityRule). What holds whatever it says: fewer than
FEW bad events are never more than medium, and a rule that makes tickets never makes critical ones.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from alerts.models import Alert, Severity, SeverityRule
from alerts.raising import wording
from slas.compliance import Finding
from slas.judge import bad_ratio
from slas.objectives import BY_SHARE, Kind

BURN, EXCESS, SHORTFALL, STARS = "burn", "excess", "shortfall", "stars"
# One or two bad events say little, however small the traffic makes the rest look.
FEW = 3
# Stands for the burn rate of a promise that allows no bad event: JSON knows no infinity.
ENDLESS = 1e9


@dataclass(frozen=True)
class Facts:
    """What a breach is graded by. ``value`` has the measure's scale: see SeverityRule."""

    alert_type: str
    tier: str
    criticality: str
    measure: str = ""  # BURN, EXCESS, SHORTFALL or STARS; empty: nothing was measured
    value: float = 0.0
    bad: int | None = None  # bad events; None: none are counted
    pages: bool = True  # whether the rule that fired calls people, or makes a ticket

    @classmethod
    def stored(cls, alert: Alert) -> Self | None:
        """What an alert was graded by; None for one that the table did not grade."""
        kept: dict[str, Any] = alert.evidence.get("graded") or {}
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: kept[name] for name in names}) if names <= kept.keys() else None

    def worst(self, before: Self | None) -> Self:
        """The worse of two figures of one alert: what it has come to while it is open."""
        if before is None or before.measure != self.measure:
            return self
        bad = None if self.bad is None else max(self.bad, before.bad or 0)
        return dataclasses.replace(
            self,
            value=max(self.value, before.value),
            bad=bad,
            pages=self.pages or before.pages,
        )

    def in_words(self) -> str:
        """The figure."""
        if self.measure == BURN:
            if self.value >= ENDLESS:
                return "bad events where none is allowed"
            return f"bad events at {self.value:.1f} times the allowed share"
        if self.measure == EXCESS:
            return f"{self.value:.2f} times the limit"
        if self.measure == SHORTFALL:
            return f"{self.value:.0f} % under the least value"
        if self.measure == STARS:
            return f"{self.value:.2f} stars under the target"
        return "found without a measure"


@dataclass(frozen=True)
class Graded:
    """A severity and what it follows from."""

    severity: Severity
    reason: str


def table() -> list[SeverityRule]:
    """The rows in force, in order."""
    return list(SeverityRule.objects.filter(enabled=True))


def facts(finding: Finding, tier: str) -> Facts:
    """What a finding is graded by; ``tier`` is the client's."""
    objective, actual = finding.objective, finding.ruling.actual or 0.0
    known = (wording.alert_type(objective).value, tier, str(objective.criticality))
    if objective.kind == Kind.SATISFACTION:
        return Facts(*known, STARS, round(objective.threshold - actual, 9))
    if objective.kind in BY_SHARE:
        total, good = finding.ruling.total, finding.ruling.good or 0
        burn = min(bad_ratio(objective, total, good), ENDLESS) if total else 0.0
        pages = finding.fired is None or finding.fired.rule.pages
        return Facts(*known, BURN, burn, bad=total - good, pages=pages)
    threshold = objective.threshold
    if objective.kind == Kind.LIMIT:
        return Facts(*known, EXCESS, round(actual / threshold, 9) if threshold else ENDLESS)
    return Facts(*known, SHORTFALL, round(100 * (1 - actual / threshold), 9) if threshold else 0.0)


def grade(found: Facts, rows: Sequence[SeverityRule]) -> Graded:
    """The severity by the first row that fits, and why in words."""
    row = next((one for one in rows if _fits(one, found)), None)
    if row is None:
        text = f"{found.in_words()}; no row of the severity table fits it"
        return _capped(found, Severity.MEDIUM, text)
    text = f"{found.in_words()} (severity table, row {row.position}: {row.condition()})"
    return _capped(found, Severity(row.severity), text)


def rank(severity: str) -> int:
    """0 for low to 3 for critical."""
    return list(Severity.values).index(severity)


def regraded(
    alerts: Iterable[Alert], rows: Sequence[SeverityRule]
) -> list[tuple[Alert, Graded | None]]:
    """What a table makes of alerts, by the worst figures of each; None: it can't be told."""
    found = []
    for alert in alerts:
        known = Facts.stored(alert)
        found.append((alert, grade(known, rows) if known else None))
    return found


def _fits(row: SeverityRule, found: Facts) -> bool:
    named = (
        (row.alert_type, found.alert_type),
        (row.tier, found.tier),
        (row.criticality, found.criticality),
    )
    if any(asked and asked != actual for asked, actual in named):
        return False
    bounds = {
        BURN: row.least_burn,
        EXCESS: row.least_excess,
        SHORTFALL: row.least_shortfall,
        STARS: row.least_stars,
    }
    if all(bound is None for bound in bounds.values()):
        return True
    least = bounds.get(found.measure)
    return least is not None and found.value >= least


def _capped(found: Facts, severity: Severity, reason: str) -> Graded:
    if found.bad is not None and found.bad < FEW and rank(severity) > rank(Severity.MEDIUM):
        return Graded(Severity.MEDIUM, f"{reason}, but fewer than {FEW} of them")
    if not found.pages and severity == Severity.CRITICAL:
        return Graded(Severity.HIGH, f"{reason}, but its rule makes tickets, never critical alerts")
    return Graded(severity, reason)
