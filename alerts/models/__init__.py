"""Alerts, their timelines, the incidents they belong to, and who is told when nobody answers."""

from alerts.models.alert import Alert, AlertType, Resolution, Severity, Status
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
    "EscalationPolicy",
    "EscalationRun",
    "EscalationStep",
    "Incident",
    "OnCallFeed",
    "OnCallOverride",
    "OnCallSchedule",
    "Resolution",
    "Rotation",
    "RotationMember",
    "Severity",
    "Status",
    "Weekday",
]
