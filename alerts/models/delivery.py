"""How people hear of alerts: channels, routes, and what is to be told to whom."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Team, User, validate_time_zone
from alerts.models.alert import Alert, Severity
from alerts.models.event import AlertEvent
from slas import terms


class Channel(models.Model):
    """A way to reach people: an Apprise URL, or a web-hook.

    Its address and keys are sealed (delivery/sealing.py): nobody reads them back.
    """

    class Kind(models.TextChoices):
        """What is spoken there; each is a file in alerts/delivery/channels."""

        APPRISE = "apprise", "Apprise (e-mail, Slack, Teams, …)"
        WEBHOOK = "webhook", "Web-hook, signed"
        ALERTMANAGER = "alertmanager", "Web-hook as Alertmanager sends it"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    enabled = models.BooleanField(default=True)
    sealed = models.TextField(editable=False, help_text="URL and keys, encrypted.")
    address = models.CharField(
        max_length=255, editable=False, help_text="What of the URL may be shown: scheme and host."
    )
    for_people = models.BooleanField(
        "for mails to single people",
        default=False,
        help_text="Assignments, mentions and escalations to a person go here; {recipient} in the "
        "URL stands for the person's e-mail address.",
    )
    signed_links = models.BooleanField(
        default=True,
        help_text="Messages carry links by which whoever reads them can acknowledge or resolve.",
    )
    timeout_seconds = models.PositiveSmallIntegerField(
        "timeout (s)", default=10, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    storm_per_minute = models.PositiveSmallIntegerField(
        "messages a minute",
        default=30,
        help_text="What comes above this becomes one summary a minute. 0: no limit.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    failures = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="In a row, since it last worked."
    )
    paused_until = models.DateTimeField(null=True, editable=False)
    last_sent_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        db_table = "channels"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["for_people"],
                condition=Q(for_people=True, enabled=True),
                name="channels_one_for_people",
                violation_error_message="Another enabled channel is for mails to single people.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """Which alerts are told on which channels. The first that fits decides, unless it goes on."""

    name = models.CharField(max_length=100, unique=True)
    position = models.PositiveSmallIntegerField(
        default=100, help_text="Routes are asked in this order, the smallest first."
    )
    enabled = models.BooleanField(default=True)
    matchers = models.JSONField(
        default=list, blank=True, help_text="All must hold. None: every alert."
    )
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="routes",
        help_text="Only alerts of this team: handed to it, or else of its components. "
        "Empty: of any.",
    )
    severity_floor = models.CharField(
        max_length=20, choices=Severity, default=Severity.LOW, help_text="Nothing below it."
    )
    channels = models.ManyToManyField(Channel, related_name="routes")
    hours = models.JSONField(
        default=list, blank=True, help_text="Outside them messages wait. Empty: around the clock."
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="IANA name of the zone of the hours.",
    )
    digest_minutes = models.PositiveSmallIntegerField(
        "digest every (min)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text="Gather low severities into one message this often. Empty: tell each at once.",
    )
    digest_up_to = models.CharField(
        "digest up to", max_length=20, choices=Severity, default=Severity.LOW
    )
    notify_resolved = models.BooleanField(
        "tell when resolved", default=True, help_text="To those who were told of the alert."
    )
    goes_on = models.BooleanField(
        "continue", default=False, help_text="Ask the routes after this one too."
    )

    class Meta:
        db_table = "routes"
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse hours that contradict themselves."""
        super().clean()
        try:
            terms.check_hours(self.hours)
        except ValueError as error:
            raise ValidationError({"hours": str(error)}) from None


class Notification(models.Model):
    """What is to be told to one channel, and to one person on it: a row of the outbox.

    One event is told to a channel and person once (unique constraint). Where many
    are gathered, the single rows are withheld and point to the one that carries
    them. A claim is a lease: a worker that dies leaves it due again when it ends,
    and the receiver knows the repeat by ``key``.
    """

    class Status(models.TextChoices):
        """Where it is."""

        WAITING = "waiting", "Waiting"
        LEASED = "leased", "Being sent"
        SENT = "sent", "Sent"
        DEAD = "dead", "Given up"
        WITHHELD = "withheld", "Withheld"

    class Form(models.TextChoices):
        """One event, or many gathered."""

        SINGLE = "single", "Single"
        DIGEST = "digest", "Digest"
        STORM = "storm", "Summary of a storm"

    class Held(models.TextChoices):
        """Why it is withheld, or waits longer."""

        NO = "", "–"
        SUPPRESSED = "suppressed", "Suppressed"
        FLAPPING = "flapping", "Flapping"
        STORM = "storm", "Collapsed in a storm"
        DIGEST = "digest", "In a digest"
        HOURS = "hours", "Outside hours"
        INCIDENT = "incident", "Its incident was told already"
        RESOLVED = "resolved", "Resolved before it was told"

    event = models.ForeignKey(
        AlertEvent,
        null=True,
        on_delete=models.CASCADE,
        related_name="notifications",
        db_index=False,
        help_text="Empty: it gathers many.",
    )
    alert = models.ForeignKey(
        Alert, null=True, on_delete=models.CASCADE, related_name="notifications"
    )
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="notifications", db_index=False
    )
    recipient = models.ForeignKey(
        User,
        null=True,
        on_delete=models.CASCADE,
        related_name="notifications",
        help_text="Empty: everybody on the channel.",
    )
    route = models.ForeignKey(
        Route, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    why = models.CharField(max_length=255, blank=True, help_text="Why this channel or person.")
    form = models.CharField(max_length=10, choices=Form, default=Form.SINGLE)
    bundle = models.CharField(
        max_length=60, blank=True, default="", help_text="Which events are gathered in it."
    )
    carrier = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="members"
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    held = models.CharField(max_length=12, choices=Held, blank=True, default=Held.NO)
    held_note = models.CharField(max_length=255, blank=True, default="")
    key = models.UUIDField(
        "idempotency key", default=uuid.uuid4, editable=False, help_text="The same at each try."
    )
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True, help_text="When the channel took it.")
    response = models.CharField(max_length=500, blank=True, default="")
    last_error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        db_table = "notifications"
        ordering = ["-id"]
        permissions = [("resend_notification", "Can send notifications again")]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "channel", "recipient"],
                condition=Q(event__isnull=False),
                nulls_distinct=False,
                name="notifications_once",
            ),
            models.UniqueConstraint(
                fields=["channel", "recipient", "bundle"],
                condition=~Q(bundle=""),
                nulls_distinct=False,
                name="notifications_one_bundle",
            ),
            models.CheckConstraint(
                name="notifications_of_an_event_or_many",
                condition=Q(form="single", event__isnull=False, alert__isnull=False, bundle="")
                | (~Q(form="single") & Q(event__isnull=True) & ~Q(bundle="")),
            ),
            models.CheckConstraint(
                name="notifications_withheld_say_why",
                condition=~Q(status="withheld") | ~Q(held=""),
            ),
            models.CheckConstraint(
                name="notifications_leased_say_by_whom",
                condition=~Q(status="leased") | (~Q(lease_owner="") & Q(lease_until__isnull=False)),
            ),
            models.CheckConstraint(
                name="notifications_sent_say_when",
                condition=~Q(status="sent") | Q(handed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "due_at", "id"],
                condition=Q(status="waiting"),
                name="notifications_due",
            ),
            models.Index(
                fields=["channel", "lease_until"],
                condition=Q(status="leased"),
                name="notifications_leased",
            ),
            models.Index(fields=["channel"], condition=Q(status="dead"), name="notifications_dead"),
            # How many went to a channel in the last minute; what is collapsed is left out.
            models.Index(
                fields=["channel", "created_at"],
                condition=~Q(status="withheld"),
                name="notifications_rate",
            ),
        ]

    def __str__(self) -> str:
        whom = f" for {self.recipient}" if self.recipient_id else ""
        return f"Notification #{self.pk} on {self.channel}{whom}"

    def to_whom(self) -> dict[str, Any]:
        """Channel and person, as look-ups."""
        return {"channel_id": self.channel_id, "recipient_id": self.recipient_id}
