"""What an evaluation found."""

from django.db import models

from accounts.models import Client


class Verdict(models.Model):
    """The outcome of one evaluation of one objective for one client, with its numbers."""

    class Status(models.TextChoices):
        """What was found."""

        OK = "ok", "OK"
        BREACH = "breach", "Breach"
        AT_RISK = "at_risk", "At risk"  # missed in the window, but no rule fires
        INSUFFICIENT_DATA = "insufficient_data", "Insufficient data"
        NO_DATA = "no_data", "No data"
        EXCLUDED = "excluded", "Excluded"

    objective = models.CharField(max_length=160, help_text="E.g. sla:simple_queries:latency.")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    window_start = models.DateTimeField()
    window_end = models.DateTimeField(help_text="Evaluations of one minute share one verdict.")
    status = models.CharField(max_length=20, choices=Status)
    total = models.BigIntegerField(help_text="Valid events in the window.")
    good = models.BigIntegerField(null=True, help_text="Good events; empty for means and limits.")
    actual = models.FloatField(null=True, help_text="What was measured.")
    threshold = models.FloatField(help_text="What was promised.")

    class Meta:
        db_table = "verdicts"
        ordering = ["-window_end", "objective"]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "objective", "window_end"], name="one_verdict_per_window"
            )
        ]
        indexes = [models.Index(fields=["window_end"], name="verdicts_by_window")]

    def __str__(self) -> str:
        return f"{self.objective} {self.status}"
