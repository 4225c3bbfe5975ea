"""Admin of alerts, their timelines, how people hear of them, and who is on call."""

from alerts.admin.alert import AlertAdmin
from alerts.admin.channel import ChannelAdmin
from alerts.admin.escalation import EscalationPolicyAdmin, EscalationRunAdmin
from alerts.admin.event import AlertEventAdmin
from alerts.admin.notification import NotificationAdmin
from alerts.admin.oncall import OnCallScheduleAdmin, RotationAdmin
from alerts.admin.overrides import OnCallOverrideAdmin
from alerts.admin.route import RouteAdmin

__all__ = [
    "AlertAdmin",
    "AlertEventAdmin",
    "ChannelAdmin",
    "EscalationPolicyAdmin",
    "EscalationRunAdmin",
    "NotificationAdmin",
    "OnCallOverrideAdmin",
    "OnCallScheduleAdmin",
    "RotationAdmin",
    "RouteAdmin",
]
