"""Addresses of alerts outside of the admin."""

from django.urls import path

from alerts.delivery.views import alert_link

urlpatterns = [
    path("links/<str:token>/", alert_link, name="alert_link"),
]
