"""What people set about judging a breach: how grave it is, and what to do first."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Client
from alerts.models.alert import AlertType, Severity
from slas.models import Criticality

_ZERO = MinValueValidator(0.0, "This can't be less than 0.")


class SeverityRule(models.Model):
    """One row of the severity table. The first row that fits an alert decides.

    A row without any bound fits whatever was measured; one with bounds fits an
    alert whose own measure (burn rate, multiple of a limit, shortfall or stars) has a bound and
    reaches it.
    """

    position = models.PositiveIntegerField(
        help_text="Rows are tried from the smallest to the largest."
    )
    alert_type = models.CharField(
        max_length=50, choices=AlertType, blank=True, help_text="Empty: any."
    )
    tier = models.CharField(
        "client's tier", max_length=20, choices=Client.Tier, blank=True, help_text="Empty: any."
    )
    criticality = models.CharField(
        "promise's criticality",
        max_length=10,
        choices=Criticality,
        blank=True,
        help_text="Empty: any.",
    )
    least_burn = models.FloatField(
        "least burn rate",
        null=True,
        blank=True,
        validators=[_ZERO],
        help_text="Of promises by share: how many times the allowed share of events is bad.",
    )
    least_excess = models.FloatField(
        "least excess",
        null=True,
        blank=True,
        validators=[_ZERO],
        help_text="Of limits: the measured value as a multiple of the limit.",
    )
    least_shortfall = models.FloatField(
        "least shortfall (%)",
        null=True,
        blank=True,
        validators=[_ZERO],
        help_text="Of least values, such as accuracies: percent of the value that are missing.",
    )
    least_stars = models.FloatField(
        "least stars missed",
        null=True,
        blank=True,
        validators=[_ZERO],
        help_text="Of ratings: how many stars the mean is under the target.",
    )
    severity = models.CharField(max_length=20, choices=Severity)
    note = models.CharField(max_length=255, blank=True, help_text="Why the row is there.")
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "severity_rules"
        ordering = ["position", "id"]
        verbose_name = "severity rule"
        constraints = [
            models.UniqueConstraint(
                fields=["position"],
                name="severity_rules_position",
                violation_error_message="Another row has this position: choose one in between.",
            )
        ]

    def __str__(self) -> str:
        return f"row {self.position}: {self.condition()} → {self.severity}"

    def condition(self) -> str:
        """What an alert must be, in words."""
        named = (
            AlertType(self.alert_type).label.lower() if self.alert_type else "",
            f"{self.tier} client" if self.tier else "",
            f"criticality {self.criticality}" if self.criticality else "",
        )
        bounds = (
            ("burn", self.least_burn, "×"),
            ("excess", self.least_excess, "×"),
            ("short by", self.least_shortfall, " %"),
            ("missed by", self.least_stars, " stars"),
        )
        least = [f"{name} ≥ {value:g}{unit}" for name, value, unit in bounds if value is not None]
        return ", ".join([*(one for one in named if one), " or ".join(least)]).strip(", ") or "any"


class Playbook(models.Model):
    """What to do first about some alerts: Markdown with placeholders filled from the evidence."""

    name = models.CharField(max_length=150, unique=True)
    matchers = models.JSONField(
        default=list,
        blank=True,
        help_text="Which alerts it is for; all must hold, none: every alert. "
        'E.g. [{"name": "component", "op": "=", "value": "cognitive_core"}]',
    )
    priority = models.IntegerField(
        default=100, help_text="Of several that fit, the one with the largest is used."
    )
    body = models.TextField(
        help_text="Markdown. Placeholders such as {measured} and {worst_request} are filled in."
    )
    runbook_url = models.URLField("runbook", max_length=500, blank=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "playbooks"
        ordering = ["-priority", "name"]
        constraints = [
            models.CheckConstraint(
                name="playbooks_say_something",
                condition=~Q(body=""),
                violation_error_message="Write what to do.",
            )
        ]

    def __str__(self) -> str:
        return self.name
