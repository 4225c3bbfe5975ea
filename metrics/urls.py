"""The REST API of the facts."""

from django.urls import path

from metrics import api

urlpatterns = [
    path("metrics/", api.MetricsView.as_view(), name="metrics"),
    path("feedback/", api.FeedbackView.as_view(), name="feedback"),
    path("feedback/<uuid:vote_id>/integrated", api.IntegratedView.as_view(), name="integrated"),
    path("deployments/", api.DeploymentsView.as_view(), name="deployments"),
    path("series/", api.SeriesView.as_view(), name="series"),
    path("baselines/", api.BaselinesView.as_view(), name="baselines"),
]
