"""Alerts, their timelines, and the incidents they belong to."""

from alerts.models.alert import Alert, AlertType, Resolution, Severity, Status
from alerts.models.event import AlertEvent
from alerts.models.incident import Incident
from alerts.models.judging import Playbook, SeverityRule

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertType",
    "Incident",
    "Playbook",
    "Resolution",
    "Severity",
    "SeverityRule",
    "Status",
]
