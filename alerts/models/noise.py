"""What keeps alerts from telling people what they know already."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import User, validate_time_zone
from metrics.models import Component
from slas.models.exclusions import MOST_MINUTES, validate_rrule


class Silence(models.Model):
    """Alerts that are not told for a time, because somebody knows.

    It is never edited: it is ended, and another one made. It covers only alerts of
    clients that its owner may see.
    """

    matchers = models.JSONField(help_text="As alerts/matching.py has them; all must hold.")
    starts_at = models.DateTimeField(
        "starts", help_text="When repeated: the first time, and the time of day."
    )
    ends_at = models.DateTimeField(
        "ends", help_text="Not included. When repeated: no time begins or lasts beyond it."
    )
    rrule = models.CharField(
        "repeats",
        max_length=200,
        blank=True,
        validators=[validate_rrule],
        help_text="iCalendar rule, e.g. FREQ=WEEKLY;BYDAY=SU. Empty: once, from start to end.",
    )
    duration_minutes = models.PositiveIntegerField(
        "minutes each time",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_MINUTES)],
        help_text="By the clock on the wall, when repeated: 60 = one hour.",
    )
    zone = models.CharField(
        "time zone",
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="IANA name whose clock a repeated silence follows, e.g. Europe/Berlin.",
    )
    reason = models.CharField(max_length=500, help_text="Why nobody needs to be told.")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    ended_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )

    class Meta:
        db_table = "silences"
        ordering = ["-starts_at", "-id"]
        indexes = [
            models.Index(
                fields=["ends_at"], condition=Q(ended_at__isnull=True), name="silences_in_force"
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="silences_when",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message="The end must come after the start.",
            ),
            models.CheckConstraint(
                name="silences_repeated",
                condition=Q(rrule="", zone="", duration_minutes__isnull=True)
                | (~Q(rrule="") & ~Q(zone="") & Q(duration_minutes__isnull=False)),
                violation_error_message="A repeated silence needs minutes and a time zone; "
                "one that is not repeated has neither.",
            ),
            models.CheckConstraint(name="silences_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="silences_ended_by_whom",
                condition=Q(ended_at__isnull=True) | Q(ended_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Silence #{self.pk}"


class ComponentDependency(models.Model):
    """That one component can't work without another: trouble there shows here as well."""

    component = models.ForeignKey(
        Component, on_delete=models.CASCADE, related_name="dependencies", db_index=False
    )
    depends_on = models.ForeignKey(
        Component,
        on_delete=models.CASCADE,
        related_name="dependents",
        help_text="Alerts here may be caused there: they join its incident, and a critical one "
        "there keeps lower ones here quiet.",
    )

    class Meta:
        db_table = "component_dependencies"
        ordering = ["component__code", "depends_on__code"]
        verbose_name = "component dependency"
        verbose_name_plural = "component dependencies"
        constraints = [
            models.UniqueConstraint(
                fields=["component", "depends_on"], name="component_dependencies_one"
            ),
            models.CheckConstraint(
                name="component_dependencies_not_itself",
                condition=~Q(component=F("depends_on")),
                violation_error_message="A component does not depend on itself.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.component} depends on {self.depends_on}"
