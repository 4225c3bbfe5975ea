"""Alerts, their timelines, the incidents they belong to, and how people hear of them."""

from alerts.models.alert import Alert, AlertType, Resolution, Severity, Status
from alerts.models.delivery import Channel, Notification, Route
from alerts.models.escalation import EscalationPolicy, EscalationRun, EscalationStep
from alerts.models.event import AlertEvent
from alerts.models.incident import Incident
from alerts.models.oncall import (
    OnCallFeed,
    OnCallOverride,
    OnCallSchedule,
    Rotation,
    RotationMember,
    Weekday,
)

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertType",
    "Channel",
    "EscalationPolicy",
    "EscalationRun",
    "EscalationStep",
    "Incident",
    "Notification",
    "OnCallFeed",
    "OnCallOverride",
    "OnCallSchedule",
    "Resolution",
    "Rotation",
    "RotationMember",
    "Route",
    "Severity",
    "Status",
    "Weekday",
]
