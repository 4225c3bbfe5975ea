"""Measurements that the portal makes by itself."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import Client


class Probe(models.Model):
    """A measurement that the portal makes by itself, at an interval.

    ``next_due_at`` is precomputed and partially indexed, so "who is due?" is
    one index look-up. ``claim`` and ``claimed_until`` are a lease: a worker
    that dies leaves the probe due again when it ends.
    """

    class Kind(models.TextChoices):
        """What is measured; each is a file in metrics/probes."""

        CONVERSATIONAL_QUERY = "conversational_query", "Conversational query"
        USER_FEEDBACK = "user_feedback", "User feedback"
        ML_INFERENCE = "ml_inference", "ML inference"
        EMBEDDING = "embedding", "Embedding generation"
        PAGE_LOAD = "page_load", "Page load of the AI terminal"
        SYSTEM_RESOURCES = "system_resources", "System resources"

    class Outcome(models.TextChoices):
        """How the last run went."""

        NEVER = "", "Not run yet"
        OK = "ok", "OK"
        FAILED = "failed", "Failed"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=30, choices=Kind)
    target = models.CharField(
        max_length=500,
        blank=True,
        help_text="A URL on an allowed host; for ML inference the name of a database "
        "(AIOSMON_PROBE_DSN_<NAME>); empty for system resources.",
    )
    payload = models.JSONField(
        default=dict,
        blank=True,
        help_text="What is sent; each kind's help is in the documentation.",
    )
    interval_seconds = models.PositiveIntegerField(
        "interval (s)",
        default=25,
        validators=[MinValueValidator(1), MaxValueValidator(86_400)],
        help_text="Seconds between runs. The specification asks for a collection every 30 s.",
    )
    timeout_seconds = models.FloatField(
        "timeout (s)",
        default=30,
        validators=[MinValueValidator(0.1), MaxValueValidator(300)],
        help_text="After this the call counts as not answered, with this as its value.",
    )
    component = models.CharField(max_length=50, help_text="Code of the component that is measured.")
    service_name = models.CharField(max_length=50, default="aiosmon-probe")
    client = models.ForeignKey(
        Client,
        on_delete=models.PROTECT,
        related_name="probes",
        help_text="In whose name it calls. Rows for platform count towards the platform's SLIs; "
        "rows in a customer's name stay out of the customer's.",
    )
    test_conditions = models.JSONField(
        default=dict, blank=True, help_text="Stored with every row, to compare like with like."
    )
    alert_after = models.PositiveSmallIntegerField(
        "alert after (failures)",
        default=3,
        db_default=3,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="An alert opens when so many runs in a row have failed.",
    )
    recover_after = models.PositiveSmallIntegerField(
        "end after (successes)",
        default=2,
        db_default=2,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="The alert ends when so many runs in a row have succeeded.",
    )
    enabled = models.BooleanField(default=True)
    next_due_at = models.DateTimeField(db_default=Now(), editable=False)
    claim = models.UUIDField(null=True, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)
    last_run_at = models.DateTimeField(null=True, editable=False)
    last_outcome = models.CharField(
        max_length=10, choices=Outcome, default=Outcome.NEVER, editable=False
    )
    last_value = models.FloatField(null=True, editable=False, help_text="In ms, or percent.")
    last_error = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        db_table = "probes"
        ordering = ["name"]
        indexes = [
            models.Index(
                fields=["next_due_at"], name="probes_due", condition=models.Q(enabled=True)
            )
        ]

    def __str__(self) -> str:
        return self.name
