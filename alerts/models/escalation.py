"""Whom else to tell when nobody takes an alert on: policies, their steps, and their runs."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Team, User
from alerts.models.alert import Alert, Severity
from alerts.models.oncall import OnCallSchedule

MOST_MINUTES = 7 * 24 * 60
MOST_REPEATS = 20


class EscalationPolicy(models.Model):
    """Steps for the alerts that it matches."""

    name = models.CharField(max_length=100, unique=True)
    enabled = models.BooleanField(default=True, help_text="Unticking ends what is under way.")
    rank = models.PositiveSmallIntegerField(
        default=100, help_text="Of the policies that match an alert, the lowest rank applies."
    )
    matchers = models.JSONField(
        default=list, blank=True, help_text="All must hold. None: every alert."
    )
    least_severity = models.CharField(
        max_length=20, choices=Severity, default=Severity.HIGH, help_text="Not for milder alerts."
    )
    repeats = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MOST_REPEATS)],
        help_text="How often all steps are gone through once more if still nobody answers.",
    )

    class Meta:
        db_table = "escalation_policies"
        ordering = ["rank", "name"]
        verbose_name_plural = "escalation policies"
        constraints = [
            models.CheckConstraint(
                name="escalation_repeats", condition=Q(repeats__lte=MOST_REPEATS)
            )
        ]

    def __str__(self) -> str:
        return self.name


class EscalationStep(models.Model):
    """After so many minutes without an acknowledgement, these people are told."""

    class Whom(models.TextChoices):
        """Who that is."""

        ON_CALL = "on_call", "Who is on call"
        LEAD = "lead", "Lead"
        MANAGER = "manager", "Manager"
        PERSON = "person", "Another person"
        TEAM = "team", "Everybody of a team"

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="steps")
    place = models.PositiveSmallIntegerField(default=1)
    after_minutes = models.PositiveIntegerField(
        default=5,
        validators=[MaxValueValidator(MOST_MINUTES)],
        help_text="Since the alert fired, or since the step before.",
    )
    whom = models.CharField(max_length=20, choices=Whom, default=Whom.ON_CALL)
    schedule = models.ForeignKey(
        OnCallSchedule, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="person",
        help_text="Of lead, manager or another person.",
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        db_table = "escalation_steps"
        ordering = ["place", "id"]
        verbose_name = "step"
        constraints = [
            models.CheckConstraint(
                name="escalation_step_tells_somebody",
                condition=Q(
                    whom="on_call", schedule__isnull=False, user__isnull=True, team__isnull=True
                )
                | Q(whom="team", schedule__isnull=True, user__isnull=True, team__isnull=False)
                | Q(
                    whom__in=["lead", "manager", "person"],
                    schedule__isnull=True,
                    user__isnull=False,
                    team__isnull=True,
                ),
                violation_error_message="Name exactly one: the schedule of who is on call, "
                "the team, or the person who is lead, manager or another.",
            ),
            models.CheckConstraint(
                name="escalation_step_minutes", condition=Q(after_minutes__lte=MOST_MINUTES)
            ),
        ]

    def __str__(self) -> str:
        return f"Step {self.place} of {self.policy}"


class EscalationRun(models.Model):
    """One alert's way through a policy, for one time that it fired."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="escalations")
    fired_at = models.DateTimeField(help_text="The alert's, when the run began: it names the run.")
    policy = models.ForeignKey(
        EscalationPolicy, null=True, on_delete=models.SET_NULL, related_name="runs"
    )
    started_at = models.DateTimeField(db_default=Now())
    taken = models.PositiveIntegerField(
        default=0, db_default=0, validators=[MinValueValidator(0)], help_text="Steps so far."
    )
    due_at = models.DateTimeField(null=True, help_text="Of the next step. Empty: it is over.")
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=100, blank=True, default="", db_default="")

    class Meta:
        db_table = "escalation_runs"
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "fired_at"], name="escalation_one_run_a_firing"
            ),
            models.CheckConstraint(
                name="escalation_run_is_due_or_over",
                condition=Q(due_at__isnull=False, ended_at__isnull=True)
                | Q(due_at__isnull=True, ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                F("due_at"), F("id"), condition=Q(ended_at__isnull=True), name="escalation_runs_due"
            )
        ]

    def __str__(self) -> str:
        return f"Escalation of alert #{self.alert_id}"
