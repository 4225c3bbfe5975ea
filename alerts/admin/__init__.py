"""Admin of alerts, their timelines and incidents, and of what keeps them from being noise."""

from alerts.admin.alert import AlertAdmin
from alerts.admin.dependency import ComponentDependencyAdmin
from alerts.admin.event import AlertEventAdmin
from alerts.admin.incident import IncidentAdmin
from alerts.admin.silence import SilenceAdmin

__all__ = [
    "AlertAdmin",
    "AlertEventAdmin",
    "ComponentDependencyAdmin",
    "IncidentAdmin",
    "SilenceAdmin",
]
