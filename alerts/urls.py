"""Addresses of alerts outside of the admin: the REST API, and links in messages."""

from django.urls import path

from alerts import api
from alerts.delivery.views import alert_link

urlpatterns = [
    path("api/v1/alerts/", api.AlertsView.as_view(), name="alerts"),
    path("api/v1/alerts/events/", api.EventsView.as_view(), name="alert_events"),
    path("api/v1/alerts/<int:alert_id>/", api.AlertView.as_view(), name="alert"),
    path("api/v1/alerts/<int:alert_id>/actions/", api.ActionsView.as_view(), name="alert_actions"),
    path("links/<str:token>/", alert_link, name="alert_link"),
]
