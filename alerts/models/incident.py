"""Alerts with one cause, as one thing to work on."""

from django.db import models
from django.db.models.functions import Now


class Incident(models.Model):
    """What several alerts have in common. Open for as long as one of them is."""

    title = models.CharField(max_length=255)
    component = models.CharField(max_length=50, help_text="Where the cause is taken to be.")
    opened_at = models.DateTimeField(db_default=Now())
    latest_at = models.DateTimeField(
        db_default=Now(), help_text="When the latest of its alerts fired."
    )
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Empty: still open.")

    class Meta:
        db_table = "incidents"
        ordering = ["-opened_at"]
        indexes = [
            models.Index(
                fields=["component"],
                condition=models.Q(closed_at__isnull=True),
                name="incidents_open",
            ),
            # What an alert that fires may join.
            models.Index(fields=["latest_at"], name="incidents_latest"),
        ]

    def __str__(self) -> str:
        return f"Incident #{self.pk}: {self.title}"
