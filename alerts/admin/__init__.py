"""Admin of alerts, their timelines, and how they are judged."""

from alerts.admin.alert import AlertAdmin
from alerts.admin.event import AlertEventAdmin
from alerts.admin.playbook import PlaybookAdmin
from alerts.admin.severity import SeverityRuleAdmin

__all__ = ["AlertAdmin", "AlertEventAdmin", "PlaybookAdmin", "SeverityRuleAdmin"]
