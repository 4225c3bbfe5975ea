"""The timeline of an alert: who or what did what, when, and why."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import User
from alerts.models.alert import Alert, Status


class AlertEvent(models.Model):
    """One change of an alert, written in the transaction that made it."""

    class Kind(models.TextChoices):
        """What happened."""

        OPENED = "opened", "Opened"
        ESCALATED = "escalated", "Severity changed"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        RESOLVED = "resolved", "Resolved"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField(db_default=Now())
    actor = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the portal itself.",
    )
    from_status = models.CharField(max_length=20, choices=Status, blank=True)
    to_status = models.CharField(max_length=20, choices=Status)
    note = models.TextField(blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        db_table = "alert_events"
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%Y-%m-%d %H:%M:%S}"
