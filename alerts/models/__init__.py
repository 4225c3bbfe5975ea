"""Alerts, their timelines, the incidents they belong to, and how people hear of them."""

from alerts.models.alert import Alert, AlertType, Resolution, Severity, Status
from alerts.models.delivery import Channel, Notification, Route
from alerts.models.event import AlertEvent
from alerts.models.incident import Incident

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertType",
    "Channel",
    "Incident",
    "Notification",
    "Resolution",
    "Route",
    "Severity",
    "Status",
]
