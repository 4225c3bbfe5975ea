"""Rows that the tests of the evaluation store."""

from datetime import datetime, timedelta
from typing import Any

INFERENCE: dict[str, Any] = {
    "metric_name": "ml_prediction_inference_time",
    "metric_category": "ml_inference",
    "query_complexity": None,
}
QUEUE: dict[str, Any] = {
    "metric_name": "queue_size",
    "metric_category": "system_health",
    "measurement_unit": "count",
    "query_complexity": None,
}


def later(moment: datetime, seconds: float) -> datetime:
    """Some seconds after the moment."""
    return moment + timedelta(seconds=seconds)
