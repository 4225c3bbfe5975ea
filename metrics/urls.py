"""The REST API of the facts."""

from django.urls import path

from metrics.ingest.api import IngestView

urlpatterns = [path("metrics/", IngestView.as_view(), name="metrics")]
