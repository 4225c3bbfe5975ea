"""The units that values are measured in."""

from django.db import models


class Unit(models.TextChoices):
    """A unit of measurement; the specification's own first."""

    MILLISECONDS = "ms", "ms (milliseconds)"
    SECONDS = "seconds", "seconds"
    MEGABYTES = "mb", "mb (megabytes)"
    REQUESTS_PER_SECOND = "requests/sec", "requests/sec"
    ACCURACY = "accuracy", "accuracy (0–1)"
    PERCENT = "percent", "percent (0–100)"
    COUNT = "count", "count"
    SCORE = "score", "score (1–5)"


# How many of the first are one of the second; only lengths of time differ in practice.
MILLISECONDS_PER = {Unit.MILLISECONDS: 1.0, Unit.SECONDS: 1000.0}
