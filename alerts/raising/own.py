"""Alerts about the portal itself: a part of it has gone silent.

They are of the client ``platform`` and of no promise: evaluation, which may be the
part that stopped, neither opens nor closes them. Nor do they open as all others do
(raising.opening), under a lock: the part that stopped may hold it, and nobody would hear.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import PLATFORM, Client
from alerts import fingerprints
from alerts.delivery import nudge
from alerts.models import Alert, AlertEvent, AlertType, Severity, Status
from alerts.triage import lifecycle
from metrics.probes.base import PLATFORM_COMPONENT
from metrics.units import Unit

AGENT = "watch"
METRIC = "heartbeat_age"
_PREFIX = "self:"


def report_silence(part: str, label: str, age: timedelta, limit: timedelta, hint: str) -> bool:
    """Open the part's alert; False when it is open already.

    ``age`` is how old its last heartbeat is, ``limit`` how old it may be.
    """
    seconds = age.total_seconds()
    message = f"{label} has stopped: its last heartbeat is {seconds:.0f} s old. Look: {hint}"
    now = timezone.now()
    alert = Alert(
        alert_type=AlertType.SELF,
        severity=Severity.CRITICAL,
        severity_reason="While a part of the portal stands still, breaches may go unseen.",
        component=PLATFORM_COMPONENT,
        metric_name=METRIC,
        threshold_value=limit.total_seconds(),
        actual_value=seconds,
        unit=Unit.SECONDS,
        objective=f"{_PREFIX}{part}:heartbeat",
        fingerprint=_fingerprint(part),
        rule="heartbeat",
        client=Client.objects.get(code=PLATFORM),
        alert_message=message,
        business_impact="Alerts may be late or missing until it works again.",
        recommended_action=f"Look: {hint} docs/operations.md, “Watching the watcher”.",
        evidence={"part": part, "age_seconds": round(seconds, 1), "limit_seconds": limit.seconds},
        fired_at=now,
    )
    with transaction.atomic():
        # Whoever comes second leaves it to the one who opened it.
        Alert.objects.bulk_create([alert], ignore_conflicts=True)
        opened = _open(part).filter(events=None).first()
        if opened is None:
            return False
        AlertEvent.objects.create(
            alert=opened,
            kind=AlertEvent.Kind.OPENED,
            agent=AGENT,
            to_status=Status.FIRING,
            note=message,
        )
        nudge.after_commit()
    return True


def report_life(part: str, label: str) -> bool:
    """Resolve the part's alert; False when none is open."""
    alert = _open(part).first()
    return alert is not None and lifecycle.resolve_recovered(
        alert.pk, f"{label} works again.", agent=AGENT
    )


def open_parts() -> set[str]:
    """The parts that have an open alert."""
    found = Alert.objects.filter(
        alert_type=AlertType.SELF, objective__startswith=_PREFIX, status__in=lifecycle.OPEN
    )
    return {key.split(":")[1] for key in found.values_list("objective", flat=True)}


def _open(part: str) -> QuerySet[Alert]:
    return Alert.objects.filter(fingerprint=_fingerprint(part), status__in=lifecycle.OPEN)


def _fingerprint(part: str) -> str:
    return fingerprints.of("self", part)
