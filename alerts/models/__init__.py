"""Alerts, their timelines, and the incidents they belong to."""

from alerts.models.alert import Alert, AlertType, Resolution, Severity, Status
from alerts.models.event import AlertEvent
from alerts.models.incident import Incident
from alerts.models.presence import Presence

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertType",
    "Incident",
    "Presence",
    "Resolution",
    "Severity",
    "Status",
]
