"""Who is on call: schedules of teams, their rotations, overrides, and calendar feeds."""

from datetime import time

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Team, User, validate_time_zone

MOST_WEEKS = 26


class Weekday(models.IntegerChoices):
    """As Python counts them."""

    MONDAY = 0, "Monday"
    TUESDAY = 1, "Tuesday"
    WEDNESDAY = 2, "Wednesday"
    THURSDAY = 3, "Thursday"
    FRIDAY = 4, "Friday"
    SATURDAY = 5, "Saturday"
    SUNDAY = 6, "Sunday"


class OnCallSchedule(models.Model):
    """At most one person at a time, whom a team's alerts reach."""

    name = models.CharField(max_length=100, unique=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="schedules")
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="IANA name, e.g. Europe/Berlin: whose clock hand-overs and hours are on.",
    )

    class Meta:
        db_table = "oncall_schedules"
        ordering = ["name"]
        verbose_name = "on-call schedule"
        permissions = [("override_oncallschedule", "Can put anybody on call in every schedule")]

    def __str__(self) -> str:
        return self.name


class Rotation(models.Model):
    """People who take turns of whole weeks; one layer of a schedule."""

    schedule = models.ForeignKey(OnCallSchedule, on_delete=models.CASCADE, related_name="rotations")
    name = models.CharField(max_length=100)
    layer = models.PositiveSmallIntegerField(
        default=1,
        help_text="Where several rotations have somebody, the highest layer wins; "
        "a lower one fills its gaps.",
    )
    starts_on = models.DateField(help_text="The first turn begins at this day's hand-over time.")
    ends_on = models.DateField(
        null=True,
        blank=True,
        help_text="It ends at this day's hand-over time. Empty: it goes on for ever.",
    )
    handover_weekday = models.PositiveSmallIntegerField(
        "hand-over on", choices=Weekday, default=Weekday.MONDAY, validators=[MaxValueValidator(6)]
    )
    handover_time = models.TimeField(
        "hand-over at", default=time(9), help_text="By the schedule's clock."
    )
    weeks = models.PositiveSmallIntegerField(
        "weeks a turn", default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_WEEKS)]
    )
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(choices=Weekday),
        default=list,
        blank=True,
        help_text="Only on these days. None: every day.",
    )
    hours_from = models.TimeField(
        null=True, blank=True, help_text="Only in these hours. Empty: around the clock."
    )
    hours_to = models.TimeField(
        null=True, blank=True, help_text="Not after hours from: they end on the next day."
    )

    class Meta:
        db_table = "oncall_rotations"
        ordering = ["schedule", "layer", "id"]
        constraints = [
            # With one rotation a layer, which of two wins is never a question.
            models.UniqueConstraint(
                fields=["schedule", "layer"],
                name="oncall_one_rotation_a_layer",
                violation_error_message="The schedule has a rotation on this layer already.",
            ),
            models.CheckConstraint(
                name="oncall_rotation_turns",
                condition=Q(weeks__range=(1, MOST_WEEKS), handover_weekday__range=(0, 6)),
            ),
            models.CheckConstraint(
                name="oncall_rotation_hours",
                condition=Q(hours_from__isnull=True, hours_to__isnull=True)
                | Q(hours_from__isnull=False, hours_to__isnull=False),
                violation_error_message="Give both hours, or none.",
            ),
            models.CheckConstraint(
                name="oncall_rotation_days",
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                violation_error_message="It must end after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule}: {self.name}"


class RotationMember(models.Model):
    """A person's place in the order of turns. Someone may have several."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    place = models.PositiveSmallIntegerField(default=1, help_text="1 has the first turn.")

    class Meta:
        db_table = "oncall_rotation_members"
        ordering = ["place", "id"]
        verbose_name = "person"
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return f"{self.place}. {self.user}"


class OnCallOverride(models.Model):
    """Somebody takes over for a time. Never edited: withdrawn, and requested anew."""

    schedule = models.ForeignKey(OnCallSchedule, on_delete=models.CASCADE, related_name="overrides")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=255, help_text="As the calendar shows it.")
    requested_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", editable=False
    )
    requested_at = models.DateTimeField(db_default=Now(), editable=False)
    withdrawn_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    withdrawn_at = models.DateTimeField(
        null=True, editable=False, help_text="It holds until then; before its start, not at all."
    )

    class Meta:
        db_table = "oncall_overrides"
        ordering = ["-starts_at", "-id"]
        verbose_name = "on-call override"
        indexes = [models.Index(fields=["schedule", "ends_at"], name="oncall_overrides_by_end")]
        constraints = [
            models.CheckConstraint(
                name="oncall_override_span",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message="The end must come after the start.",
            ),
            models.CheckConstraint(
                name="oncall_override_withdrawn",
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Override #{self.pk}: {self.user}"


class OnCallFeed(models.Model):
    """The secret address of a calendar: a schedule's or a person's. Only its hash is kept."""

    schedule = models.OneToOneField(
        OnCallSchedule, null=True, on_delete=models.CASCADE, related_name="feed"
    )
    user = models.OneToOneField(User, null=True, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "oncall_feeds"
        constraints = [
            models.CheckConstraint(
                name="oncall_feed_of_one",
                condition=Q(schedule__isnull=True, user__isnull=False)
                | Q(schedule__isnull=False, user__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"Calendar of {self.schedule or self.user}"
