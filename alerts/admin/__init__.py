"""Admin of alerts: triage, what keeps them from being noise, and how people hear of them."""

from alerts.admin.alert import AlertAdmin
from alerts.admin.channel import ChannelAdmin
from alerts.admin.dependency import ComponentDependencyAdmin
from alerts.admin.escalation import EscalationPolicyAdmin, EscalationRunAdmin
from alerts.admin.event import AlertEventAdmin
from alerts.admin.incident import IncidentAdmin
from alerts.admin.notification import NotificationAdmin
from alerts.admin.oncall import OnCallScheduleAdmin, RotationAdmin
from alerts.admin.overrides import OnCallOverrideAdmin
from alerts.admin.playbook import PlaybookAdmin
from alerts.admin.route import RouteAdmin
from alerts.admin.severity import SeverityRuleAdmin
from alerts.admin.silence import SilenceAdmin

__all__ = [
    "AlertAdmin",
    "AlertEventAdmin",
    "ChannelAdmin",
    "ComponentDependencyAdmin",
    "EscalationPolicyAdmin",
    "EscalationRunAdmin",
    "IncidentAdmin",
    "NotificationAdmin",
    "OnCallOverrideAdmin",
    "OnCallScheduleAdmin",
    "PlaybookAdmin",
    "RotationAdmin",
    "RouteAdmin",
    "SeverityRuleAdmin",
    "SilenceAdmin",
]
