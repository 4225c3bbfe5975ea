"""Who has an alert's page open."""

from django.db import models

from accounts.models import User
from alerts.models.alert import Alert


class Presence(models.Model):
    """A person looks at an alert, and says so every few seconds; old marks mean nothing."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="present")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    since = models.DateTimeField(help_text="When they came, without having left.")
    seen_at = models.DateTimeField()
    writing = models.BooleanField(default=False)

    class Meta:
        db_table = "alert_presence"
        constraints = [
            models.UniqueConstraint(fields=["alert", "user"], name="alert_presence_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} at #{self.alert_id}"
