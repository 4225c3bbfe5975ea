"""A verdict becomes an alert: opened once, kept up to date, closed on recovery.

Several passes may run side by side. Of two that found something of one promise the one that
looked later has the say: what an alert was found broken by since is neither overwritten nor ended.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Max, Q

from alerts.models import Alert, Status
from alerts.raising import judging, opening, silent, wording
from alerts.raising.opening import Draft
from alerts.raising.passing import Pass, fingerprint, numbers, still_open, unsaved
from alerts.raising.steady import Open
from alerts.triage import flapping
from slas import evaluating
from slas.compliance import Finding
from slas.models import Verdict

logger = logging.getLogger(__name__)
# So many open together: the first of very many breaches need not wait for the last.
TOGETHER = 10


def follow(findings: Iterable[Finding], done: Pass, found: Open | None = None) -> None:
    """Bring the alerts in line with the findings; what that came to is added to ``done``."""
    found = found or Open(done)
    marked = {fingerprint(one.objective, one.client_id): one for one in findings}
    steady = found.touch(marked)
    for mark, finding in marked.items():
        if mark in found.status and mark not in steady:
            with _apart(finding):
                _follow(mark, finding, found.status[mark], done)
    new = [(mark, one) for mark, one in marked.items() if mark not in found.status]
    _open(_news([(mark, one) for mark, one in new if one.breached or one.holding], done), done)


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


def _update(mark: str, finding: Finding, hold: timedelta | None, done: Pass) -> bool:
    """Whether the open alert follows the finding; not if it was closed, or found broken later.

    A pending one goes on for its rule's ``hold`` time, or fires.
    """
    found = still_open().filter(fingerprint=mark).first()
    if found is None:
        return False
    fields = numbers(finding, done.known) | judging.of(finding, mark, found, done.known)
    with transaction.atomic():
        known = still_open().filter(pk=found.pk, last_breach_at__lte=finding.end)
        alert = known.select_for_update().first()
        if alert is None:
            return False
        if alert.status == Status.PENDING:
            # Its rule has held, or another one: settling fires it in this very pass.
            fields["fires_at"] = None if hold else finding.end
        opening.touch(alert, fields, note=fields["severity_reason"])
    return True


def _recover(mark: str, finding: Finding, client: str) -> int:
    """The promise is kept again, unless a pass that looked later found it broken."""
    with transaction.atomic():
        known = still_open().filter(fingerprint=mark, last_breach_at__lte=finding.end)
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
    fields = judging.of(finding, mark, None, done.known)
    alert = unsaved(finding, mark, done.known, data_committed_at=done.committed_at, **fields)
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
