"""Times that do not count for or against a promise, and who agreed to that."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Client, User, validate_time_zone
from slas import recurrence

MOST_MINUTES = 31 * 24 * 60
DECIDED = ("approved", "rejected")


def validate_rrule(text: str) -> None:
    """Raise ValidationError unless ``text`` is a supported recurrence rule."""
    try:
        recurrence.parse(text)
    except recurrence.BadRule as problem:
        raise ValidationError(str(problem), code="rrule") from None


class Exclusion(models.Model):
    """One entry of the ledger. It is never edited: it is decided, or withdrawn.

    It changes nothing that is stored. While it is approved, what is counted for
    the promises in its scope leaves its minutes out.
    """

    class Category(models.TextChoices):
        """Why the time does not count."""

        MAINTENANCE = "maintenance", "Maintenance"
        CLIENT_CAUSED = "client_caused", "Caused by the client"
        FORCE_MAJEURE = "force_majeure", "Force majeure"
        OUTSIDE_HOURS = "outside_business_hours", "Outside business hours"

    class Status(models.TextChoices):
        """Where it is in its life."""

        REQUESTED = "requested", "Requested"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    client = models.ForeignKey(
        Client,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: every client.",
    )
    component = models.CharField(max_length=50, blank=True, help_text="Empty: every component.")
    objective = models.CharField(max_length=160, blank=True, help_text="Empty: every objective.")
    starts_at = models.DateTimeField(
        "starts", help_text="A whole minute. When repeated: the first time."
    )
    ends_at = models.DateTimeField(
        "ends", null=True, blank=True, help_text="A whole minute, not included. Empty if repeated."
    )
    rrule = models.CharField(
        "repeats",
        max_length=200,
        blank=True,
        validators=[validate_rrule],
        help_text="iCalendar rule, e.g. FREQ=WEEKLY;BYDAY=SU. Empty: once.",
    )
    duration_minutes = models.PositiveIntegerField(
        "minutes each time",
        null=True,
        blank=True,
        help_text="By the clock on the wall, when repeated: 60 = one hour.",
    )
    zone = models.CharField(
        "time zone",
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="IANA name whose clock a repeated exclusion follows, e.g. Europe/Berlin.",
    )
    category = models.CharField(max_length=30, choices=Category)
    reason = models.TextField(max_length=1000, help_text="What the client reads in the report.")
    status = models.CharField(
        max_length=20, choices=Status, default=Status.REQUESTED, editable=False
    )
    requested_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", editable=False
    )
    requested_at = models.DateTimeField(db_default=Now(), editable=False)
    decided_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    note = models.TextField(blank=True, editable=False, help_text="Of who decided.")
    withdrawn_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    withdrawal_note = models.TextField(blank=True, editable=False)

    class Meta:
        db_table = "exclusions"
        ordering = ["-starts_at", "-id"]
        permissions = [("decide_exclusion", "Can approve and reject exclusions")]
        indexes = [
            models.Index(
                fields=["starts_at"], condition=Q(status="approved"), name="exclusions_in_force"
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="exclusions_when",
                condition=Q(
                    rrule="",
                    zone="",
                    ends_at__isnull=False,
                    ends_at__gt=F("starts_at"),
                    duration_minutes__isnull=True,
                )
                | (
                    ~Q(rrule="")
                    & ~Q(zone="")
                    & Q(
                        ends_at__isnull=True,
                        # A CHECK that is NULL passes.
                        duration_minutes__isnull=False,
                        duration_minutes__range=(1, MOST_MINUTES),
                    )
                ),
                violation_error_message="Give an end, or a rule with minutes and a time zone.",
            ),
            models.CheckConstraint(
                name="exclusions_status",
                condition=Q(status__in=["requested", "approved", "rejected", "withdrawn"]),
            ),
            # Four eyes: nobody decides what they asked for themselves.
            models.CheckConstraint(
                name="exclusions_four_eyes",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                violation_error_message="Another person decides.",
            ),
            models.CheckConstraint(
                name="exclusions_decided",
                condition=Q(status__in=DECIDED, decided_by__isnull=False, decided_at__isnull=False)
                | Q(status="requested", decided_by__isnull=True, decided_at__isnull=True)
                | Q(status="withdrawn", withdrawn_by__isnull=False, withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Exclusion #{self.pk}"
