"""Alerts, their timelines and incidents, what keeps them quiet, and how people hear of them."""

from alerts.models.alert import Alert, AlertType, Resolution, Severity, Status
from alerts.models.delivery import Channel, Notification, Route
from alerts.models.event import AlertEvent
from alerts.models.incident import Incident
from alerts.models.judging import Playbook, SeverityRule
from alerts.models.noise import ComponentDependency, Silence

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertType",
    "Channel",
    "ComponentDependency",
    "Incident",
    "Notification",
    "Playbook",
    "Resolution",
    "Route",
    "Severity",
    "SeverityRule",
    "Silence",
    "Status",
]
