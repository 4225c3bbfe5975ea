"""Admin of alerts, their timelines, who is on call, and escalation."""

from alerts.admin.alert import AlertAdmin
from alerts.admin.escalation import EscalationPolicyAdmin, EscalationRunAdmin
from alerts.admin.event import AlertEventAdmin
from alerts.admin.oncall import OnCallScheduleAdmin, RotationAdmin
from alerts.admin.overrides import OnCallOverrideAdmin

__all__ = [
    "AlertAdmin",
    "AlertEventAdmin",
    "EscalationPolicyAdmin",
    "EscalationRunAdmin",
    "OnCallOverrideAdmin",
    "OnCallScheduleAdmin",
    "RotationAdmin",
]
