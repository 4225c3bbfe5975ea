"""Alerts and their timelines."""

from alerts.models.alert import Alert, AlertType, Severity, Status
from alerts.models.event import AlertEvent

__all__ = ["Alert", "AlertEvent", "AlertType", "Severity", "Status"]
