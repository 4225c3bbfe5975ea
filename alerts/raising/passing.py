"""What one pass of judging is: what it did, what it knows, and how it tells alerts apart."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from alerts import fingerprints
from alerts.models import Alert
from alerts.raising import wording
from alerts.raising.known import Known
from alerts.triage import lifecycle
from slas.compliance import Finding
from slas.objectives import Objective

_COUNTS = ("findings", "opened", "updated", "pending", "resolved")


@dataclass
class Pass:
    """What one evaluation did, and what it knows."""

    findings: int = 0
    opened: int = 0
    updated: int = 0
    pending: int = 0
    resolved: int = 0
    # Whether something that changed was left, since another counts the same day.
    left: bool = False
    began: datetime = field(default_factory=timezone.now, compare=False)
    # Since when rows may have waited for it.
    committed_at: datetime | None = None
    known: Known = field(default_factory=Known, repr=False, compare=False)

    def counts(self) -> dict[str, int]:
        """What it did, for the task's result."""
        return {name: getattr(self, name) for name in _COUNTS}

    def with_(self, other: "Pass | None") -> "Pass":
        """This pass, and what one before it did."""
        if other is None:
            return self
        summed = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return replace(self, **summed)


def still_open() -> QuerySet[Alert]:
    """Those that are not resolved."""
    return Alert.objects.filter(status__in=lifecycle.OPEN)


def fingerprint(objective: Objective, client_id: int) -> str:
    """What makes two breaches the same alert."""
    return fingerprints.of(
        wording.alert_type(objective),
        objective.component,
        objective.metric_name,
        objective.key,
        str(client_id),
        objective.model,
    )


def numbers(finding: Finding, known: Known) -> dict[str, Any]:
    """What an alert says of the latest finding of its breach."""
    objective, actual = finding.objective, finding.ruling.actual
    return {
        "threshold_value": objective.threshold,
        # Too slow by what was counted, and the rows can't be measured: at least that slow.
        "actual_value": objective.threshold if actual is None else actual,
        "alert_message": wording.message(finding, known.names[finding.client_id]),
        "last_breach_at": finding.end,
    }


def unsaved(finding: Finding, mark: str, known: Known, **fields: Any) -> Alert:
    """The alert of a finding as it will be, with what judging makes of it; not stored."""
    objective = finding.objective
    return Alert(
        alert_type=wording.alert_type(objective),
        component=objective.component,
        metric_name=objective.metric_name or "user_satisfaction_score",
        client=known.clients[finding.client_id],
        fingerprint=mark,
        objective=objective.key,
        model=objective.model,
        unit=objective.threshold_unit,
        **numbers(finding, known),
        **fields,
    )
