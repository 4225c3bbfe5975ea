"""The one way an alert comes into being, and how an open one follows what is found later."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from alerts.delivery import nudge
from alerts.models import Alert, AlertEvent, Severity, Status
from alerts.triage import flapping, grouping, lifecycle, people
from alerts.triage.cover import Cover, Reason

# What the latest finding says of an alert that is opened again.
FINDINGS = (
    "severity",
    "threshold_value",
    "actual_value",
    "business_impact",
    "recommended_action",
    "alert_message",
    "unit",
    "evidence",
    "rule",
    "severity_reason",
    "impact",
    "impact_score",
    "labels",
    "last_breach_at",
    "data_committed_at",
)


# Open, and not waiting for its rule's hold time.
TELLING = (Status.FIRING, Status.ACKNOWLEDGED, Status.SUPPRESSED)


def open_alert(
    alert: Alert, *, note: str, hold: timedelta | None = None, agent: str = "evaluation"
) -> Alert | None:
    """Store an unsaved alert with its first event; None when its breach is open already.

    It is pending while its rule's ``hold`` time lasts, suppressed when a silence, an
    approved exclusion or a graver alert covers it, else it fires. A breach that comes back
    at once opens the alert again that the portal resolved (AIOSMON_REOPEN_SECONDS); that
    one need not hold once more.

    Status, event and incident are stored in one transaction. The caller's, if there is one,
    must hold no alert's row yet (grouping has the order of locks).
    """
    now = timezone.now()
    if not isinstance(alert.last_breach_at, datetime):
        alert.last_breach_at = now
    with transaction.atomic():
        grouping.lock()
        if Alert.objects.filter(fingerprint=alert.fingerprint, status__in=lifecycle.OPEN).exists():
            return None
        cover = Cover(now)
        last = _just_resolved(alert.fingerprint, now)
        if last is not None:
            return _reopen(last, alert, cover, now, note=note, agent=agent)
        reason = None if hold else cover.of(alert)
        return _insert(alert, reason, hold, now, note=note, agent=agent)


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


def _just_resolved(fingerprint: str, now: datetime) -> Alert | None:
    """The breach's last alert, if the portal resolved it a moment ago and people knew of it."""
    last = (
        Alert.objects.filter(fingerprint=fingerprint, status=Status.RESOLVED)
        .order_by("-resolved_at")
        .first()
    )
    if last is None or last.resolved_by_id is not None or last.resolved_at is None:
        return None
    if last.resolved_at <= now - timedelta(seconds=settings.REOPEN_SECONDS):
        return None
    ended = last.events.filter(kind=AlertEvent.Kind.RESOLVED).order_by("-pk").first()
    return None if ended is not None and ended.from_status == Status.PENDING else last


def _reopen(
    last: Alert, found: Alert, cover: Cover, now: datetime, *, note: str, agent: str
) -> Alert | None:
    reason = cover.of(found)
    flaps = reason is None and flapping.would_flap(found.fingerprint, now)
    quiet = grouping.SUPPRESSED if reason else grouping.FLAPPING if flaps else ""
    findings = {name: getattr(found, name) for name in FINDINGS}
    try:
        with transaction.atomic():
            Alert.objects.filter(pk=last.pk, status=Status.RESOLVED).update(
                breaches=F("breaches") + 1, **findings
            )
            alert = lifecycle.reopen(
                last.pk, version=last.version, note=note, agent=agent, quiet=quiet
            )
    except lifecycle.Refused:
        return None
    if reason:
        lifecycle.suppress(alert.pk, reason.by, reason.note)
    if flaps:
        flapping.begin(alert, now, kept=False)
    return Alert.objects.get(pk=alert.pk)


def _insert(
    alert: Alert,
    reason: Reason | None,
    hold: timedelta | None,
    now: datetime,
    *,
    note: str,
    agent: str,
) -> Alert | None:
    alert.status = Status.PENDING if hold else Status.SUPPRESSED if reason else Status.FIRING
    alert.suppressed_by = reason.by if reason else ""
    alert.fires_at = alert.last_breach_at + hold if hold else None
    alert.fired_at = now if alert.status == Status.FIRING else None
    alert.changed_at = now
    try:
        with transaction.atomic():
            alert.save(force_insert=True)
    except IntegrityError as error:
        if "one_open_alert" not in str(error):
            raise
        return None
    flaps = alert.status == Status.FIRING and flapping.would_flap(alert.fingerprint, now)
    quiet = grouping.FLAPPING if flaps else ""
    data, joined = grouping.follow(alert, "", quiet=quiet)
    if reason is not None and reason.incident_id is not None:
        grouping.enter(alert, reason.incident_id)
        joined = True
    AlertEvent.objects.create(
        alert=alert,
        kind=AlertEvent.Kind.OPENED,
        agent=agent,
        to_status=alert.status,
        note=f"{note}\n{reason.note}" if reason else note,
        data=data,
    )
    nudge.after_commit()
    if joined:
        grouping.tell_joined(alert)
    if flaps:
        flapping.begin(alert, now, kept=False)
    return alert
