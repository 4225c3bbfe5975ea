"""Admin of the facts, one file a concern."""

from metrics.admin import catalogue, otlp, probes, rows, schedules

__all__ = ["catalogue", "otlp", "probes", "rows", "schedules"]
