"""The REST API of the facts, one file a thing that is sent or read."""

from metrics.api.baselines import BaselinesView
from metrics.api.deployments import DeploymentsView
from metrics.api.feedback import FeedbackView, IntegratedView
from metrics.api.rows import MetricsView
from metrics.api.series import SeriesView

__all__ = [
    "BaselinesView",
    "DeploymentsView",
    "FeedbackView",
    "IntegratedView",
    "MetricsView",
    "SeriesView",
]
