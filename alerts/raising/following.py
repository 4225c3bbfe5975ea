"""A verdict becomes an alert: opened once, kept up to date, closed on recovery.

Several passes may run side by side. Of two that found something of one promise the one that
looked later has the say: what an alert was found broken by since is neither overwritten nor ended.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from alerts.models import Alert, Status
from alerts.raising import judging, opening, silent, touching, wording
from alerts.raising.known import Known
from alerts.raising.opening import Draft
from alerts.triage import flapping, lifecycle
from slas import evaluating
from slas.compliance import Finding
from slas.models import Verdict
from slas.objectives import Objective

logger = logging.getLogger(__name__)
# So many open together: the first of very many breaches need not wait for the last.
TOGETHER = 10


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
    known = [(mark, one) for mark, one in marked if mark in open_marks]
    steady = _touch_steady([(mark, one) for mark, one in known if one.breached], done)
    for mark, finding in known:
        if mark not in steady:
            with _apart(finding):
                _follow(mark, finding, open_marks[mark], done)
    new = [(mark, one) for mark, one in marked if mark not in open_marks]
    _open(_news([(mark, one) for mark, one in new if one.breached or one.holding], done), done)


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


@contextmanager
def _apart(finding: Finding) -> Iterator[None]:
    """One promise that can't be handled must not silence all others."""
    try:
        yield
    except Exception:
        logger.exception("alerting failed", extra={"objective": finding.objective.key})


def _follow(mark: str, finding: Finding, status: str, done: Pass) -> None:
    """Bring an alert in line that was open when the pass began to look."""
    if finding.breached:
        done.updated += _update(mark, finding, None, done)
    elif finding.holding and status == Status.PENDING:
        hold = finding.holding.rule.hold
        _update(mark, evaluating.as_fired(finding), hold, done)
    else:
        done.resolved += _recover(mark, finding, done.known.names[finding.client_id])


def _numbers(finding: Finding, known: Known) -> dict[str, Any]:
    """What an alert says of the latest finding of its breach."""
    return {
        "threshold_value": finding.objective.threshold,
        "actual_value": finding.ruling.actual,
        "alert_message": wording.message(finding, known.names[finding.client_id]),
        "last_breach_at": finding.end,
    }


def _update(mark: str, finding: Finding, hold: timedelta | None, done: Pass) -> bool:
    """Whether the open alert follows the finding; not if it was closed, or found broken later.

    A pending one goes on for its rule's ``hold`` time, or fires.
    """
    found = open_alerts().filter(fingerprint=mark).first()
    if found is None:
        return False
    numbers = _numbers(finding, done.known) | judging.of(finding, mark, found, done.known)
    with transaction.atomic():
        known = open_alerts().filter(pk=found.pk, last_breach_at__lte=finding.end)
        alert = known.select_for_update().first()
        if alert is None:
            return False
        if alert.status == Status.PENDING:
            # Its rule has held, or another one: settling fires it in this very pass.
            numbers["fires_at"] = None if hold else finding.end
        opening.touch(alert, numbers, note=numbers["severity_reason"])
    return True


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


def _news(found: list[tuple[str, Finding]], done: Pass) -> list[tuple[str, Finding]]:
    """The breaches that show in what was measured after a person resolved their last alert.

    Without this the windows, which still hold the old measurements, would open
    a new alert the moment someone closes one. Nor is it news when anybody closed one since the
    pass began: the next pass has seen what that one had.
    """
    marks = [mark for mark, _ in found]
    ended = Alert.objects.filter(fingerprint__in=marks, status=Status.RESOLVED).order_by()
    last = {
        mark: times
        for mark, *times in ended.values("fingerprint")
        .annotate(
            closed=Max("resolved_at"),
            by_a_person=Max("resolved_at", filter=Q(resolved_by__gt=0)),
        )
        .values_list("fingerprint", "closed", "by_a_person")
    }
    return [
        (mark, finding)
        for mark, finding in found
        if _is_news(finding, done.began, *last.get(mark, (None, None)))
    ]


def _is_news(
    finding: Finding, began: datetime, closed: datetime | None, by_a_person: datetime | None
) -> bool:
    if closed is not None and closed >= began:
        return False
    if by_a_person is None:
        return True
    grace = timedelta(seconds=settings.RESOLVE_GRACE_SECONDS)
    return evaluating.again(finding, by_a_person + grace)


def _open(found: Sequence[tuple[str, Finding]], done: Pass) -> None:
    """Open alerts of breaches that have none."""
    try:
        done.known.expect(finding for _, finding in found)
    except DatabaseError:
        # Such as sums that overflow: each is looked up by itself then.
        logger.exception("budgets can't be looked up together")
    drafts: list[Draft] = []
    for mark, finding in found:
        with _apart(finding):
            drafts.append(_draft(mark, finding, done))
        if len(drafts) == TOGETHER:
            _store(drafts, done)
            drafts = []
    _store(drafts, done)


def _draft(mark: str, finding: Finding, done: Pass) -> Draft:
    """The alert to open; pending while the rule that burns has to hold."""
    hold = None
    if not finding.breached and finding.holding:
        hold, finding = finding.holding.rule.hold, evaluating.as_fired(finding)
    objective = finding.objective
    fields = _numbers(finding, done.known) | judging.of(finding, mark, None, done.known)
    alert = Alert(
        alert_type=wording.alert_type(objective),
        component=objective.component,
        metric_name=objective.metric_name or "user_satisfaction_score",
        client_id=finding.client_id,
        fingerprint=mark,
        objective=objective.key,
        model=objective.model,
        unit=objective.threshold_unit,
        data_committed_at=done.committed_at,
        **fields,
    )
    return Draft(alert, note=alert.alert_message, hold=hold)


def _store(drafts: Sequence[Draft], done: Pass) -> None:
    """Together, or one by one where one of them can't be stored.

    Two passes that find a breach at once meet in opening: one inserts, the other leaves it be.
    """
    try:
        opened = opening.open_alerts(drafts)
    except DatabaseError:
        logger.exception("alerts can't be opened together", extra={"alerts": len(drafts)})
        opened = [_alone(draft) for draft in drafts]
    for draft, alert in zip(drafts, opened, strict=True):
        done.opened += alert is not None and draft.hold is None
        done.pending += alert is not None and draft.hold is not None


def _alone(draft: Draft) -> Alert | None:
    try:
        return opening.open_alerts([draft])[0]
    except DatabaseError:
        logger.exception("alerting failed", extra={"objective": draft.alert.objective})
        return None
