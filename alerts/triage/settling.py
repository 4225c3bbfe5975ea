"""The sweep that brings alerts in line with time: what begins, matures and ends by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from alerts.models import Alert, AlertEvent, Status
from alerts.triage import flapping, lifecycle, people
from alerts.triage.cover import Cover, Reason

LOCK = 0x5345544C
# A breach that is not found again while it has to hold, nor found over, is forgotten.
FORGOTTEN = timedelta(minutes=5)


@dataclass
class Settled:
    """What one sweep changed."""

    fired: int = 0
    forgotten: int = 0
    suppressed: int = 0
    released: int = 0
    steady: int = 0


def settle(now: datetime | None = None) -> Settled | None:
    """Fire what has held, suppress what is covered, release what is not; None while one runs.

    Repeatable, and each change is conditional. One at a time all the same: a sweep
    that read the silences earlier must not undo what a later one did.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        try:
            return _settle(now or timezone.now())
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def fire_due(now: datetime, cover: Cover | None = None) -> int:
    """Fire the pending alerts whose breach has been found for their rule's hold time."""
    due = Alert.objects.filter(status=Status.PENDING, last_breach_at__gte=F("fires_at"))
    fired = 0
    for alert in due.select_related("client", "team").order_by("pk"):
        cover = cover or Cover(now)
        reason = cover.of(alert)
        if reason is not None:
            lifecycle.suppress(alert.pk, reason.by, reason.note)
        else:
            held = (alert.last_breach_at - alert.created_at).total_seconds()
            fired += lifecycle.fire(alert.pk, f"Found without a break for {held:.0f} s.")
    return fired


def _settle(now: datetime) -> Settled:
    if not Alert.objects.filter(status__in=lifecycle.OPEN).exists():
        return Settled()
    cover = Cover(now)
    return Settled(
        fired=fire_due(now, cover),
        forgotten=_forget(now),
        suppressed=_suppress(cover),
        released=_release(cover),
        steady=flapping.settle(now),
    )


def _forget(now: datetime) -> int:
    pending = Alert.objects.filter(status=Status.PENDING).filter(
        Q(last_breach_at__lt=now - FORGOTTEN), Q(fires_at__lt=now) | Q(fires_at=None)
    )
    note = "It was not found again, nor found over: nothing is measured any more."
    return sum(
        lifecycle.resolve_recovered(pk, note, "hold time")
        for pk in pending.values_list("pk", flat=True)
    )


def _suppress(cover: Cover) -> int:
    firing = Alert.objects.filter(status=Status.FIRING).select_related("client", "team")
    covered = [(alert, reason) for alert in firing.order_by("pk") if (reason := cover.of(alert))]
    return sum(lifecycle.suppress(alert.pk, reason.by, reason.note) for alert, reason in covered)


def _release(cover: Cover) -> int:
    released = 0
    suppressed = Alert.objects.filter(status=Status.SUPPRESSED).select_related("client", "team")
    for alert in suppressed.order_by("pk"):
        reason = cover.of(alert)
        if reason is None:
            note = f"No longer kept quiet by {alert.suppressed_by}, and still broken."
            released += lifecycle.fire(alert.pk, note, "settling")
        elif reason.by != alert.suppressed_by:
            _explain_anew(alert, reason)
    return released


def _explain_anew(alert: Alert, reason: Reason) -> None:
    """Something else keeps it quiet now."""
    with transaction.atomic():
        moved = Alert.objects.filter(
            pk=alert.pk, status=Status.SUPPRESSED, version=alert.version
        ).update(suppressed_by=reason.by, changed_at=timezone.now())
        if moved:
            people.record(alert, AlertEvent.Kind.SUPPRESSED, agent=reason.by, note=reason.note)
