"""A verdict becomes an alert: opened once, kept up to date, closed on recovery.

Several passes may run side by side. Of two that found something of one promise the one that
looked later has the say: what an alert was found broken by since is neither overwritten nor ended.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from alerts.models import Alert, Status
from alerts.raising import judging, opening, silent, touching, wording
from alerts.raising.judging import Known
from alerts.triage import flapping, lifecycle
from slas import evaluating
from slas.compliance import Finding
from slas.models import Verdict
from slas.objectives import Objective

logger = logging.getLogger(__name__)


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


def follow(findings: Iterable[Finding], done: Pass) -> None:
    """Bring the alerts in line with the findings; what that came to is added to ``done``."""
    # Looked up once: nearly all findings are ok and have no alert.
    open_marks = dict(open_alerts().values_list("fingerprint", "status"))
    marked = [(fingerprint(one.objective, one.client_id), one) for one in findings]
    touched = _touch_steady(
        [(mark, one) for mark, one in marked if one.breached and mark in open_marks], done
    )
    for mark, finding in marked:
        if mark in touched:
            continue
        try:
            _follow(mark, finding, open_marks, done)
        except Exception:
            # One promise that can't be handled must not silence all others.
            logger.exception("alerting failed", extra={"objective": finding.objective.key})


def open_alerts() -> QuerySet[Alert]:
    """Those that are not resolved."""
    return Alert.objects.filter(status__in=lifecycle.OPEN)


def fingerprint(objective: Objective, client_id: int) -> str:
    """What makes two breaches the same alert."""
    parts = (
        wording.alert_type(objective),
        objective.component,
        objective.metric_name,
        objective.key,
        str(client_id),
        objective.model,
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _touch_steady(broken: list[tuple[str, Finding]], done: Pass) -> set[str]:
    """Note at once that breaches go on that change nothing else of their alerts; which those are.

    In most passes that is all there is to say of most open alerts.
    """
    marks = [mark for mark, _ in broken]
    alerts = {one.fingerprint: one for one in open_alerts().filter(fingerprint__in=marks)}
    steady = [
        (alert, finding)
        for mark, finding in broken
        if (alert := alerts.get(mark)) and judging.is_steady(finding, alert, done.known)
    ]
    touched = touching.touch(
        (alert, _numbers(finding, done.known), finding.end) for alert, finding in steady
    )
    done.updated += len(touched)
    return {alert.fingerprint for alert, _ in steady if alert.pk in touched}


def _follow(mark: str, finding: Finding, open_marks: dict[str, str], done: Pass) -> None:
    if finding.breached:
        outcome = _raise(mark, finding, done)
        done.opened += outcome == "opened"
        done.updated += outcome == "updated"
    elif finding.holding and open_marks.get(mark, Status.PENDING) == Status.PENDING:
        hold = finding.holding.rule.hold
        done.pending += _raise(mark, evaluating.as_fired(finding), done, hold) == "opened"
    elif mark in open_marks:
        done.resolved += _recover(mark, finding, done.known.names[finding.client_id])


def _is_news(mark: str, finding: Finding, began: datetime) -> bool:
    """Whether the breach shows in what was measured after a person resolved the last alert.

    Without this the windows, which still hold the old measurements, would open
    a new alert the moment someone closes one. Nor is it news when anybody closed one since the
    pass began: the next pass has seen what that one had.
    """
    last = Alert.objects.filter(fingerprint=mark, status=Status.RESOLVED).aggregate(
        closed=Max("resolved_at"), by_a_person=Max("resolved_at", filter=Q(resolved_by__gt=0))
    )
    if last["closed"] is not None and last["closed"] >= began:
        return False
    if last["by_a_person"] is None:
        return True
    grace = timedelta(seconds=settings.RESOLVE_GRACE_SECONDS)
    return evaluating.again(finding, last["by_a_person"] + grace)


def _numbers(finding: Finding, known: Known) -> dict[str, Any]:
    """What an alert says of the latest finding of its breach."""
    return {
        "threshold_value": finding.objective.threshold,
        "actual_value": finding.ruling.actual,
        "alert_message": wording.message(finding, known.names[finding.client_id]),
        "last_breach_at": finding.end,
    }


def _raise(mark: str, finding: Finding, done: Pass, hold: timedelta | None = None) -> str:
    """Open the alert or update the open one; "opened", "updated", or "" when it is no news.

    With ``hold`` a new one is pending for so long.

    Two evaluations that find the breach at once meet in the partial unique
    index: one inserts, the other updates.
    """
    found = open_alerts().filter(fingerprint=mark).first()
    numbers = _numbers(finding, done.known) | judging.of(finding, mark, found, done.known)
    with transaction.atomic():
        alert = open_alerts().select_for_update().filter(fingerprint=mark).first()
        if alert is None:
            # Asked here, where nobody can have resolved it since we looked.
            if not _is_news(mark, finding, done.began):
                return ""
            numbers["data_committed_at"] = done.committed_at
            return "opened" if _open(mark, finding, numbers, hold) else ""
        if alert.last_breach_at > finding.end:
            return ""
        if alert.status == Status.PENDING:
            # Its rule has held, or another one: settling fires it in this very pass.
            numbers["fires_at"] = None if hold else finding.end
        opening.touch(alert, numbers, note=numbers["severity_reason"])
    return "updated"


def _open(
    mark: str, finding: Finding, numbers: dict[str, Any], hold: timedelta | None = None
) -> bool:
    objective = finding.objective
    alert = Alert(
        alert_type=wording.alert_type(objective),
        component=objective.component,
        metric_name=objective.metric_name or "user_satisfaction_score",
        client_id=finding.client_id,
        fingerprint=mark,
        objective=objective.key,
        model=objective.model,
        unit=objective.threshold_unit,
        **numbers,
    )
    return opening.open_alert(alert, note=alert.alert_message, hold=hold) is not None


def _recover(mark: str, finding: Finding, client: str) -> int:
    """The promise is kept again, unless a pass that looked later found it broken."""
    with transaction.atomic():
        known = open_alerts().filter(fingerprint=mark, last_breach_at__lte=finding.end)
        alert = known.select_for_update().first()
        if alert is None:
            return 0
        opened_by = alert.evidence.get("opened_by", "")
        if alert.status == Status.PENDING:
            return int(flapping.recover(alert.pk, "It did not last as long as its rule asks."))
        if finding.recovered(opened_by):
            note = f"Kept again for {client}: {wording.recovery(finding, opened_by)}."
            return int(flapping.recover(alert.pk, note))
        if finding.status == Verdict.Status.NO_DATA:
            # Silence is no recovery: it stays open, and says why nothing changes.
            silent.say(alert, finding)
    return 0
