"""Admin of the facts, one file a concern."""

from metrics.admin import (
    catalogue,
    feedback,
    intake,
    keys,
    longer,
    otlp,
    otlp_metrics,
    probes,
    rows,
    schedules,
)

__all__ = [
    "catalogue",
    "feedback",
    "intake",
    "keys",
    "longer",
    "otlp",
    "otlp_metrics",
    "probes",
    "rows",
    "schedules",
]
