"""One open breach of one fingerprint."""

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Now

from accounts.models import Client, Team, User
from alerts.models.incident import Incident
from slas import names


class AlertType(models.TextChoices):
    """What was broken: the specification's four, and what the portal finds beside them."""

    SLA_BREACH = "sla_breach", "SLA breach"
    MODEL_DEGRADATION = "model_degradation", "Model degradation"
    USER_SATISFACTION = "user_satisfaction", "User satisfaction"
    RESOURCE_LIMIT = "resource_limit", "Resource limit"
    NO_DATA = "no_data", "No data"
    PREDICTIVE = "predictive", "Predicted breach"
    PROBE_FAILED = "probe_failed", "Probe failed"
    EXTERNAL = "external", "From another system"
    SELF = "self", "The portal itself"


class Severity(models.TextChoices):
    """How bad it is."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class Status(models.TextChoices):
    """Where an alert is in its life. triage/lifecycle.py has the legal transitions."""

    PENDING = "pending", "Pending"  # found, but not yet for as long as its rule asks
    FIRING = "firing", "Firing"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    SUPPRESSED = "suppressed", "Suppressed"  # by a silence, an exclusion or a graver alert
    RESOLVED = "resolved", "Resolved"


class Resolution(models.TextChoices):
    """What turned out to be the matter."""

    FIXED = "fixed", "Fixed"
    ROLLED_BACK = "rolled_back", "Rolled back"
    CAPACITY = "capacity", "Capacity added or load shed"
    UPSTREAM = "upstream", "Cause was outside"
    EXPECTED = "expected", "Expected (a change, maintenance)"
    FALSE_ALARM = "false_alarm", "False alarm"
    RECOVERED = "recovered", "Recovered by itself"


class Alert(models.Model):
    """A promise that is broken now, or was.

    ``status`` is the one state; the specification's ``acknowledged`` and
    ``resolved`` are generated from it by the database, so they can't
    contradict it. ``version`` counts the state changes: an action names the
    version it was decided on, and is refused when the alert has moved on.
    """

    id = models.AutoField(primary_key=True)
    alert_type = models.CharField(max_length=50, choices=AlertType)
    severity = models.CharField(max_length=20, choices=Severity)
    component = models.CharField(max_length=50)
    metric_name = models.CharField(max_length=100)
    threshold_value = models.FloatField()
    actual_value = models.FloatField()
    business_impact = models.CharField(max_length=255, null=True)  # noqa: DJ001  # as specified
    recommended_action = models.TextField(null=True)  # noqa: DJ001
    alert_message = models.TextField()
    acknowledged = models.GeneratedField(
        expression=models.Case(
            models.When(status="acknowledged", then=models.Value(True)),
            default=models.Value(False),
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    acknowledged_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_column="acknowledged_by",
        db_index=False,
    )
    acknowledged_at = models.DateTimeField(null=True)
    resolved = models.GeneratedField(
        expression=models.Case(
            models.When(status="resolved", then=models.Value(True)),
            default=models.Value(False),
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    resolved_at = models.DateTimeField(null=True)
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, related_name="alerts", db_index=False
    )
    created_at = models.DateTimeField(db_default=TransactionNow())

    status = models.CharField(
        max_length=20, choices=Status, default=Status.FIRING, db_default=Status.FIRING
    )
    version = models.PositiveIntegerField(default=1, db_default=1)
    # A row of the specification's columns alone has none: one of its own clashes with no other's.
    fingerprint = models.CharField(
        max_length=64, db_default=Cast(RandomUUID(), models.CharField(max_length=64))
    )
    objective = models.CharField(max_length=160, default="", db_default="")
    model = models.CharField(max_length=100, blank=True, default="", db_default="")
    unit = models.CharField(max_length=20, blank=True, default="", db_default="")
    breaches = models.PositiveIntegerField(
        default=1,
        db_default=1,
        help_text="How many evaluations have found the breach since it opened.",
    )
    last_breach_at = models.DateTimeField(db_default=Now())
    resolved_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Empty when the portal resolved it on recovery.",
    )
    evidence = models.JSONField(default=dict, db_default={})
    rule = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="The rule that fired."
    )
    severity_reason = models.TextField(blank=True, default="", db_default="")
    impact = models.JSONField(
        default=dict, db_default={}, help_text="Business impact in numbers; raising/impact.py."
    )
    impact_score = models.FloatField(
        default=0.0, db_default=0.0, help_text="What the inbox is sorted by: larger is graver."
    )
    changed_at = models.DateTimeField(
        db_default=Now(), help_text="Of the last change that people should see."
    )
    data_committed_at = models.DateTimeField(
        null=True, help_text="When the measurements that raised it were committed."
    )
    fired_at = models.DateTimeField(null=True, help_text="When people were first to hear of it.")
    ack_expires_at = models.DateTimeField(
        null=True, help_text="When the acknowledgement ends by itself. Empty: it does not."
    )
    assignee = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="assigned_alerts", db_index=False
    )
    team = models.ForeignKey(
        Team, null=True, on_delete=models.SET_NULL, related_name="alerts", db_index=False
    )
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.SET_NULL, related_name="alerts"
    )
    suppressed_by = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="Why nobody is told."
    )
    ends_at = models.DateTimeField(
        null=True, help_text="Of an alert from another system: it is over then unless told again."
    )
    flapping = models.BooleanField(
        default=False, db_default=False, help_text="It changes too often to be told each time."
    )
    kept = models.BooleanField(
        default=False, db_default=False, help_text="While flapping: last found kept, not broken."
    )
    steady_since = models.DateTimeField(
        null=True, help_text="While flapping: since when it has not changed."
    )
    fires_at = models.DateTimeField(
        null=True, help_text="While pending: it fires if the breach is found at this time or later."
    )
    reopened = models.PositiveIntegerField(default=0, db_default=0, help_text="How many times.")
    resolution = models.CharField(
        max_length=20, choices=Resolution, blank=True, default="", db_default=""
    )
    actionable = models.BooleanField(
        null=True, help_text="What a responder said: did anybody need to be told?"
    )
    labels = models.JSONField(
        default=dict, db_default={}, help_text="Of an alert from another system: its labels."
    )

    class Meta:
        db_table = "ai_performance_alerts"
        ordering = ["-created_at"]
        permissions = [("triage_alert", "Can triage alerts")]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=~Q(status="resolved"),
                name="one_open_alert",
            ),
            models.CheckConstraint(
                name="acknowledged_alert_says_by_whom",
                condition=~Q(status="acknowledged")
                | Q(acknowledged_by__isnull=False, acknowledged_at__isnull=False),
            ),
            models.CheckConstraint(
                name="suppressed_alert_says_why",
                condition=~Q(status="suppressed") | ~Q(suppressed_by=""),
            ),
            models.CheckConstraint(
                name="resolved_alert_says_when",
                condition=~Q(status="resolved") | Q(resolved_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["fingerprint", "-resolved_at"], name="alerts_by_fingerprint"),
            models.Index(fields=["-created_at"], name="alerts_by_age"),
            # What the sweep looks at: few of many.
            models.Index(
                fields=["status"],
                condition=Q(status__in=["pending", "firing", "acknowledged", "suppressed"]),
                name="alerts_open",
            ),
            models.Index(
                fields=["steady_since"], condition=Q(flapping=True), name="alerts_flapping"
            ),
            models.Index(
                fields=["ends_at"],
                condition=Q(ends_at__isnull=False) & ~Q(status="resolved"),
                name="alerts_to_end",
            ),
            # What was like this one, and what solved it: triage/similar.py.
            models.Index(
                fields=["component", "alert_type", "-resolved_at"],
                condition=Q(status="resolved"),
                name="alerts_solved",
            ),
            models.Index(
                fields=["ack_expires_at"],
                condition=Q(status="acknowledged", ack_expires_at__isnull=False),
                name="alerts_ack_expiry",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {names.in_words(self.objective or self.metric_name)}"
