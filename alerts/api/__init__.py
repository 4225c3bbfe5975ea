"""The REST API of the alerts."""

from alerts.api.actions import ActionsView
from alerts.api.alerts import AlertsView, AlertView
from alerts.api.events import EventsView

__all__ = ["ActionsView", "AlertView", "AlertsView", "EventsView"]
