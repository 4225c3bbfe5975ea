"""The one way an alert comes into being, and how an open one follows what is found later."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from alerts.delivery import nudge
from alerts.models import Alert, AlertEvent, Severity, Status
from alerts.raising import reopening, writing
from alerts.triage import flapping, grouping, lifecycle, people
from alerts.triage.cover import Cover, Reason
from alerts.triage.dependencies import Dependencies
from alerts.triage.incidents import Incidents


@dataclass(frozen=True)
class Draft:
    """An unsaved alert, and how it comes into being."""

    alert: Alert
    note: str
    hold: timedelta | None = None
    agent: str = "evaluation"


def open_alert(
    alert: Alert, *, note: str, hold: timedelta | None = None, agent: str = "evaluation"
) -> Alert | None:
    """Open one, as ``open_alerts`` does; None when its breach is open already."""
    return open_alerts([Draft(alert, note, hold, agent)])[0]


def open_alerts(drafts: Sequence[Draft]) -> list[Alert | None]:
    """Store unsaved alerts with their first events; for each its alert, None when open already.

    It is pending while its rule's ``hold`` time lasts, suppressed when a silence, an
    approved exclusion or a graver alert covers it, else it fires. A breach that comes back
    at once opens the alert again that the portal resolved (AIOSMON_REOPEN_SECONDS); that
    one need not hold once more.

    All becomes as if they were opened one after the other, but in one transaction, of about
    as many statements as one takes. The caller's, if there is one, must hold no alert's row
    yet that is open (grouping has the order of locks).
    """
    if not drafts:
        return []
    # Of two who open the same breach the lock lets one first, and the other finds it open:
    # its look-up is a statement of its own, which sees all that was committed before it. The
    # index has the last word only against somebody who takes no lock. Then nothing of ours is
    # stored, since others of ours may have followed from it; the second time it is seen.
    try:
        return _opened(drafts)
    except IntegrityError as error:
        if "one_open_alert" not in str(error):
            raise
    return _opened(drafts)


def touch(alert: Alert, findings: dict[str, Any], *, note: str, agent: str = "evaluation") -> None:
    """Bring an open alert up to date with a later finding of the same breach.

    Its row must be locked. The severity only rises while an alert is open; if it does,
    ``note`` says why. A pending alert fires by triage.settling.
    """
    before = alert.severity
    worse = max(before, str(findings["severity"]), key=list(Severity.values).index)
    findings = {**findings, "severity": worse} | flapping.broken_again(alert, timezone.now())
    if worse != before:
        findings["changed_at"] = timezone.now()
    for name, value in findings.items():
        setattr(alert, name, value)
    alert.breaches += 1
    alert.save(update_fields=[*findings, "breaches"])
    if worse != before:
        people.record(
            alert,
            AlertEvent.Kind.ESCALATED,
            agent=agent,
            note=f"From {before} to {worse}: {note}.",
            data=grouping.escalation(alert, before),
        )


def _opened(drafts: Sequence[Draft]) -> list[Alert | None]:
    now = timezone.now()
    for alert in (draft.alert for draft in drafts):
        # Nothing of an attempt that failed.
        alert.pk = alert.incident = None
        if not isinstance(alert.last_breach_at, datetime):
            alert.last_breach_at = now
    with transaction.atomic():
        grouping.lock()
        return _Opening(drafts, now).run()


@dataclass
class _Planned:
    """What is to be written of a new alert."""

    draft: Draft
    reason: Reason | None
    data: dict[str, Any]
    joined: str | None = None  # the title of the incident that others were in before

    def events(self) -> Iterator[AlertEvent]:
        """In the order in which it happened; the alert and its incident must be stored."""
        alert, note = self.draft.alert, self.draft.note
        if alert.status == Status.FIRING:
            self.data["incident"] = alert.incident_id
        yield AlertEvent(
            alert=alert,
            kind=AlertEvent.Kind.OPENED,
            agent=self.draft.agent,
            to_status=alert.status,
            note=f"{note}\n{self.reason.note}" if self.reason else note,
            data=self.data,
        )
        if self.joined is not None:
            yield grouping.joining(alert, self.joined)
        if alert.flapping:
            yield flapping.beginning(alert)


@dataclass
class _Scene:
    """What an alert comes into: each part is read once, when one first asks for it."""

    now: datetime
    graph: Dependencies = field(default_factory=Dependencies)

    @cached_property
    def cover(self) -> Cover:
        """What keeps alerts quiet."""
        return Cover(self.now, self.graph)

    @cached_property
    def incidents(self) -> Incidents:
        """What alerts may join."""
        return Incidents(self.now, self.graph)


class _Opening:
    """Alerts that open together. Each is planned as if those before it were stored already;
    what was planned is written at once, at the end or when something must know its number."""

    def __init__(self, drafts: Sequence[Draft], now: datetime) -> None:
        self._drafts, self._now = drafts, now
        self._scene = _Scene(now)
        marks = {draft.alert.fingerprint for draft in drafts}
        known = list(_known(marks, now))
        self._open = {alert.fingerprint for alert in known if alert.status in lifecycle.OPEN}
        ended = {alert.fingerprint: alert for alert in known if alert.status == Status.RESOLVED}
        self._ended = {
            mark: last for mark, last in ended.items() if reopening.comes_back(last, now)
        }
        # What changed within the time for which flapping counts, and is not opened again.
        self._changed = ended.keys() - self._ended.keys()
        self._planned: list[_Planned] = []

    def run(self) -> list[Alert | None]:
        """What became of each."""
        if len(self._drafts) > 1:
            self._scene.cover.prepare([draft.alert for draft in self._drafts])
        opened = [self._open_one(draft) for draft in self._drafts]
        self._write()
        return opened

    def _open_one(self, draft: Draft) -> Alert | None:
        mark = draft.alert.fingerprint
        if mark in self._open:
            return None
        self._open.add(mark)
        last = self._ended.get(mark)
        if last is None:
            self._plan(draft)
            return draft.alert
        self._write()
        alert = reopening.reopen(
            last, draft.alert, self._scene.cover, self._now, note=draft.note, agent=draft.agent
        )
        self._scene = _Scene(self._now)
        return alert

    @cached_property
    def _flapping(self) -> set[str]:
        """Of all that may fire: none of ours changes another's count."""
        return flapping.would_flap(self._changed, self._now) if self._changed else set()

    def _plan(self, draft: Draft) -> None:
        alert, hold, now = draft.alert, draft.hold, self._now
        reason = None if hold else self._covered(alert)
        alert.status = Status.PENDING if hold else Status.SUPPRESSED if reason else Status.FIRING
        alert.suppressed_by = reason.by if reason else ""
        alert.fires_at = alert.last_breach_at + hold if hold else None
        alert.fired_at = now if alert.status == Status.FIRING else None
        alert.changed_at = now
        alert.flapping = alert.status == Status.FIRING and alert.fingerprint in self._flapping
        alert.steady_since = now if alert.flapping else None
        planned = _Planned(draft, reason, grouping.alarm(alert))
        self._group(planned)
        self._planned.append(planned)
        if alert.status == Status.FIRING:
            self._scene.cover.add(alert)

    def _covered(self, alert: Alert) -> Reason | None:
        reason = self._scene.cover.of(alert)
        if reason is not None and reason.graver is not None and reason.graver.pk is None:
            # By one of ours, whose number it is to say.
            self._write()
            reason = self._scene.cover.of(alert)
        return reason

    def _group(self, planned: _Planned) -> None:
        """Into an incident: of its own or others that it may share, or the graver alert's."""
        alert, graver = planned.draft.alert, planned.reason.graver if planned.reason else None
        joined = False
        if alert.status == Status.FIRING:
            joined = self._scene.incidents.join(alert, timezone.now())
        elif graver is not None and graver.incident is not None:
            alert.incident = self._scene.incidents.latest(graver.incident)
            joined = True
        planned.joined = alert.incident.title if joined and alert.incident else None

    def _write(self) -> None:
        planned, self._planned = self._planned, []
        if not planned:
            return
        self._scene.incidents.store()
        alerts = [one.draft.alert for one in planned]
        for alert in alerts:
            # Takes over the number of its incident, which is stored by now.
            alert.incident = alert.incident
        writing.insert(alerts)
        writing.insert(event for one in planned for event in one.events())
        nudge.after_commit()


def _known(marks: Collection[str], now: datetime) -> QuerySet[Alert]:
    """The breaches' open alerts, and those resolved of late, the latest last."""
    seconds = max(settings.REOPEN_SECONDS, settings.FLAP_SPAN_SECONDS)
    recently = now - timedelta(seconds=seconds)
    ended = AlertEvent.objects.filter(alert=OuterRef("pk"), kind=AlertEvent.Kind.RESOLVED)
    return (
        Alert.objects.filter(
            ~Q(status=Status.RESOLVED) | Q(resolved_at__gt=recently), fingerprint__in=marks
        )
        .only("fingerprint", "status", "version", "resolved_by", "resolved_at")
        .annotate(was=Subquery(ended.order_by("-pk").values("from_status")[:1]))
        .order_by("resolved_at")
    )
