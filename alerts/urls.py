"""The REST API of the alerts."""

from django.urls import path

from alerts import api

urlpatterns = [
    path("alerts/", api.AlertsView.as_view(), name="alerts"),
    path("alerts/events/", api.EventsView.as_view(), name="alert_events"),
    path("alerts/<int:alert_id>/", api.AlertView.as_view(), name="alert"),
    path("alerts/<int:alert_id>/actions/", api.ActionsView.as_view(), name="alert_actions"),
]
