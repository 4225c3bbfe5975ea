"""Alerts, their timelines and incidents, what keeps them quiet, and how people hear of them."""

from alerts.models.alert import Alert, AlertType, Resolution, Severity, Status
from alerts.models.delivery import Channel, Notification, Route
from alerts.models.escalation import EscalationPolicy, EscalationRun, EscalationStep
from alerts.models.event import AlertEvent
from alerts.models.incident import Incident
from alerts.models.judging import Playbook, SeverityRule
from alerts.models.noise import ComponentDependency, Silence
from alerts.models.oncall import (
    OnCallFeed,
    OnCallOverride,
    OnCallSchedule,
    Rotation,
    RotationMember,
    Weekday,
)
from alerts.models.presence import Presence

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertType",
    "Channel",
    "ComponentDependency",
    "EscalationPolicy",
    "EscalationRun",
    "EscalationStep",
    "Incident",
    "Notification",
    "OnCallFeed",
    "OnCallOverride",
    "OnCallSchedule",
    "Playbook",
    "Presence",
    "Resolution",
    "Rotation",
    "RotationMember",
    "Route",
    "Severity",
    "SeverityRule",
    "Silence",
    "Status",
    "Weekday",
]
