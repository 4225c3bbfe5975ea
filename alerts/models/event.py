"""The timeline of an alert: who or what did what, when, and why."""

from django.db import models
from django.db.models.functions import Cast, Now

from accounts.models import User
from alerts.models.alert import Alert, Status


class AlertEvent(models.Model):
    """One change of an alert, written in the transaction that made it.

    It is its own outbox entry: until ``routed_at`` is set, delivery still has to
    decide whom to tell.
    """

    class Kind(models.TextChoices):
        """What happened."""

        OPENED = "opened", "Opened"
        FIRED = "fired", "Fired"  # it was pending, or suppressed
        ESCALATED = "escalated", "Severity changed"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        UNACKNOWLEDGED = "unacknowledged", "Acknowledgement ended"
        SUPPRESSED = "suppressed", "Suppressed"
        RESOLVED = "resolved", "Resolved"
        REOPENED = "reopened", "Reopened"
        ASSIGNED = "assigned", "Assigned"
        COMMENTED = "commented", "Commented"
        MARKED = "marked", "Marked"
        FLAPPING = "flapping", "Flapping"
        STABLE = "stable", "Stable again"
        GROUPED = "grouped", "Joined an incident"
        PAGED = "paged", "Escalated to people"

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
    agent = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="What acted where no person did, or by which way: evaluation, silence 7.",
    )
    from_status = models.CharField(max_length=20, choices=Status, blank=True)
    to_status = models.CharField(max_length=20, choices=Status)
    note = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    routed_at = models.DateTimeField(
        null=True, help_text="When it was decided who is told. Empty: not yet, the outbox has it."
    )

    transaction = models.BigIntegerField(
        db_default=Cast(
            Cast(models.Func(function="pg_current_xact_id"), models.TextField()),
            models.BigIntegerField(),
        ),
        editable=False,
        help_text="The transaction that wrote it: the stream's order, in which none is missed.",
    )

    class Meta:
        db_table = "alert_events"
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["transaction", "id"], name="alert_events_stream"),
            models.Index(
                fields=["id"],
                condition=models.Q(routed_at__isnull=True),
                name="alert_events_to_route",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%Y-%m-%d %H:%M:%S}"
