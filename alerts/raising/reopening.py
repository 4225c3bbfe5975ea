"""A breach that comes back at once opens the alert again that the portal resolved."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from alerts.models import Alert, Status
from alerts.triage import flapping, grouping, lifecycle
from alerts.triage.cover import Cover

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
    "ends_at",
)


def comes_back(last: Any, now: datetime) -> bool:
    """Whether the portal resolved the breach's last alert a moment ago, and people knew of it."""
    recently = now - timedelta(seconds=settings.REOPEN_SECONDS)
    return (
        last.resolved_by_id is None and last.resolved_at > recently and last.was != Status.PENDING
    )


def reopen(
    last: Alert, found: Alert, cover: Cover, now: datetime, *, note: str, agent: str
) -> Alert | None:
    """Open the last alert again with what was found; None when somebody was first.

    Call it under ``grouping.lock()``.
    """
    reason = cover.of(found)
    flaps = reason is None and bool(flapping.would_flap([found.fingerprint], now))
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
