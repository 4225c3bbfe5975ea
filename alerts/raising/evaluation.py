"""A verdict becomes an alert: opened once, kept up to date, closed on recovery."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Client
from alerts.models import Alert, AlertType, Status
from alerts.raising import judging, opening, probing, silent, wording
from alerts.triage import flapping, lifecycle, settling
from slas import compliance, evaluating, objectives
from slas.compliance import Finding
from slas.models import Verdict
from slas.objectives import Objective

logger = logging.getLogger(__name__)
# Two evaluations at once would only do the same work twice.
LOCK = 0x45564C53
# Whoever opened these closes them.
_OF_NO_PROMISE = (
    AlertType.NO_DATA,
    AlertType.PROBE_FAILED,
    AlertType.SELF,
    AlertType.EXTERNAL,
)


@dataclass
class Pass:
    """What one evaluation did."""

    findings: int = 0
    opened: int = 0
    updated: int = 0
    pending: int = 0
    resolved: int = 0


def evaluate(now: datetime | None = None, *, news_alone: bool = False) -> Pass | None:
    """Judge every objective and bring the alerts in line; None while another pass runs.

    With ``news_alone`` only what was counted anew is judged: what came in may break a promise at
    once, all else changes with time alone, and waits for a whole pass. Repeatable: a second pass
    over the same rows opens nothing new.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        try:
            return _news(now or timezone.now()) if news_alone else _evaluate(now or timezone.now())
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


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


def _evaluate(now: datetime) -> Pass:
    evaluating.refresh(now)
    promised = objectives.enabled()
    findings = evaluating.evaluate(promised, now)
    done = Pass(findings=len(findings), resolved=_close_unpromised(promised))
    clients = _follow_all(findings, done)
    opened, resolved = silent.follow(findings, clients, now)
    done.opened += opened
    done.resolved += resolved
    probed = probing.follow(promised, now)
    done.opened += probed.opened
    done.updated += probed.updated
    done.resolved += probed.resolved
    settling.fire_due(now)
    return done


def _news(now: datetime) -> Pass:
    touched = evaluating.refresh(now, sync=False)
    done = Pass()
    if touched:
        findings = evaluating.evaluate(objectives.enabled(), now, touched)
        done.findings = len(findings)
        _follow_all(findings, done)
        settling.fire_due(now)
    return done


def _follow_all(findings: list[Finding], done: Pass) -> dict[int, str]:
    """Record the verdicts and bring the alerts in line; the clients' names."""
    compliance.record(findings)
    clients = dict(Client.objects.values_list("pk", "name"))
    # Looked up once: nearly all findings are ok and have no alert.
    open_marks = dict(_open_alerts().values_list("fingerprint", "status"))
    for finding in findings:
        try:
            _follow(finding, clients[finding.client_id], open_marks, done)
        except Exception:
            # One promise that can't be handled must not silence all others.
            logger.exception("alerting failed", extra={"objective": finding.objective.key})
    return clients


def _open_alerts() -> QuerySet[Alert]:
    return Alert.objects.filter(status__in=lifecycle.OPEN)


def _close_unpromised(promised: Iterable[Objective]) -> int:
    """Resolve alerts of promises that were disabled, deleted or moved to another metric.

    No evaluation will ever find them kept again.
    """
    by_key = {objective.key: objective for objective in promised}
    closed = 0
    # What is of no promise ends where it comes from.
    promises = _open_alerts().exclude(alert_type__in=_OF_NO_PROMISE).exclude(objective="")
    for alert in promises.only("pk", "objective", "client_id", "fingerprint"):
        objective = by_key.get(alert.objective)
        if objective is None or fingerprint(objective, alert.client_id) != alert.fingerprint:
            note = "No longer promised in this form: the promise was disabled, deleted or changed."
            closed += lifecycle.resolve_recovered(alert.pk, note)
    return closed


def _follow(finding: Finding, client: str, open_marks: dict[str, str], done: Pass) -> None:
    mark = fingerprint(finding.objective, finding.client_id)
    if finding.breached:
        outcome = _raise(mark, finding, client)
        done.opened += outcome == "opened"
        done.updated += outcome == "updated"
    elif finding.holding and open_marks.get(mark, Status.PENDING) == Status.PENDING:
        hold = finding.holding.rule.hold
        done.pending += _raise(mark, evaluating.as_fired(finding), client, hold) == "opened"
    elif mark in open_marks:
        done.resolved += _recover(mark, finding, client)


def _is_news(mark: str, finding: Finding) -> bool:
    """Whether the breach shows in what was measured after a person resolved the last alert.

    Without this the windows, which still hold the old measurements, would open
    a new alert the moment someone closes one.
    """
    last = (
        Alert.objects.filter(fingerprint=mark, status=Status.RESOLVED, resolved_by__isnull=False)
        .order_by("-resolved_at")
        .values_list("resolved_at", flat=True)
        .first()
    )
    if last is None:
        return True
    return evaluating.again(finding, last + timedelta(seconds=settings.RESOLVE_GRACE_SECONDS))


def _raise(mark: str, finding: Finding, client: str, hold: timedelta | None = None) -> str:
    """Open the alert or update the open one; "opened", "updated", or "" when it is no news.

    With ``hold`` a new one is pending for so long.

    Two evaluations that find the breach at once meet in the partial unique
    index: one inserts, the other updates.
    """
    found = _open_alerts().filter(fingerprint=mark).first()
    numbers = {
        "threshold_value": finding.objective.threshold,
        "actual_value": finding.ruling.actual,
        "alert_message": wording.message(finding, client),
        "last_breach_at": finding.end,
        **judging.of(finding, mark, found),
    }
    with transaction.atomic():
        alert = _open_alerts().select_for_update().filter(fingerprint=mark).first()
        if alert is None:
            # Asked here, where nobody can have resolved it since we looked.
            if not _is_news(mark, finding):
                return ""
            if found is not None:
                # It was closed meanwhile: a new one needs all that the old one has.
                numbers |= judging.of(finding, mark, None)
            return "opened" if _open(mark, finding, numbers, hold) else ""
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
    alert = _open_alerts().filter(fingerprint=mark).first()
    if alert is None:
        return 0
    if alert.status == Status.PENDING:
        return int(flapping.recover(alert.pk, "It did not last as long as its rule asks."))
    opened_by = alert.evidence.get("opened_by", "")
    if finding.recovered(opened_by):
        note = f"Kept again for {client}: {wording.recovery(finding, opened_by)}."
        return int(flapping.recover(alert.pk, note))
    if finding.status == Verdict.Status.NO_DATA:
        # Silence is no recovery: it stays open, and says why nothing changes.
        silent.say(alert, finding)
    return 0
