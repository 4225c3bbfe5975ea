"""Admin of the facts, one file a concern."""

from metrics.admin import catalogue, probes, rows, schedules

__all__ = ["catalogue", "probes", "rows", "schedules"]
