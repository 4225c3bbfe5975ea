"""Admin of alerts, their timelines, and how people hear of them."""

from alerts.admin.alert import AlertAdmin
from alerts.admin.channel import ChannelAdmin
from alerts.admin.event import AlertEventAdmin
from alerts.admin.notification import NotificationAdmin
from alerts.admin.route import RouteAdmin

__all__ = ["AlertAdmin", "AlertEventAdmin", "ChannelAdmin", "NotificationAdmin", "RouteAdmin"]
