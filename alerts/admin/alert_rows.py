"""Alerts as rows of small tables on other pages than their own list."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.safestring import SafeString

from alerts.admin import badges
from alerts.models import Alert


@dataclass(frozen=True)
class AlertRow:
    """One alert in short."""

    url: str
    what: str
    severity: SafeString
    status: SafeString
    why_quiet: str
    client: str
    component: str
    opened: datetime
    resolved: datetime | None


def row(alert: Alert) -> AlertRow:
    """The alert in short; its client should be loaded."""
    return AlertRow(
        url=reverse("admin:alerts_alert_change", args=[alert.pk]),
        what=str(alert),
        severity=badges.severity(alert.severity),
        status=badges.status(alert.status),
        why_quiet="flapping" if alert.flapping else alert.suppressed_by,
        client=alert.client.name,
        component=alert.component.replace("_", " "),
        opened=alert.created_at,
        resolved=alert.resolved_at,
    )
