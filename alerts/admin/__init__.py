"""Admin of alerts and their timelines."""

from alerts.admin.alert import AlertAdmin
from alerts.admin.event import AlertEventAdmin

__all__ = ["AlertAdmin", "AlertEventAdmin"]
