"""The REST API of the promises."""

from django.urls import path

from slas import api

urlpatterns = [
    path("objectives/", api.ObjectivesView.as_view(), name="objectives"),
    path(
        "objectives/<int:objective_id>/series/",
        api.ObjectiveSeriesView.as_view(),
        name="objective_series",
    ),
    path("compliance/", api.ComplianceView.as_view(), name="compliance"),
]
