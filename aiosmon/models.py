"""The portal's own pulse, and what it says of it to the outside."""

from django.db import models


class Heartbeat(models.Model):
    """When a part of the portal was last known to work; pulse.py says what proves it."""

    name = models.CharField(max_length=50, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "heartbeats"

    def __str__(self) -> str:
        return f"{self.name} at {self.seen_at:%H:%M:%S}"


class DeadManPing(models.Model):
    """The dead-man's switch: one row, what came of the last try."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    tried_at = models.DateTimeField(null=True)
    pinged_at = models.DateTimeField(null=True, help_text="When the other side last took one.")
    held_back = models.BooleanField(default=False)
    result = models.CharField(max_length=200, blank=True, default="", help_text="Empty: taken.")

    class Meta:
        db_table = "deadman_pings"
        constraints = [models.CheckConstraint(name="deadman_is_one", condition=models.Q(pk=1))]

    def __str__(self) -> str:
        return f"Dead-man's switch, last pinged {self.pinged_at or 'never'}"
