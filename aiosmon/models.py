"""The portal's own pulse."""

from django.db import models


class Heartbeat(models.Model):
    """When a part of the portal was last known to work.

    Beat sends a task every few seconds and a worker writes it here: a fresh
    ``beat`` proves the chain beat → broker → worker → database.
    """

    name = models.CharField(max_length=50, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "heartbeats"

    def __str__(self) -> str:
        return f"{self.name} at {self.seen_at:%H:%M:%S}"
