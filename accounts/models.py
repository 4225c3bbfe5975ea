"""Users, clients, teams and API keys."""

import zoneinfo

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

PLATFORM = "platform"


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless ``name`` is an IANA time zone."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            f"“{name}” is no IANA time zone. Write one such as Europe/Berlin or UTC.",
            code="time_zone",
        )


class Client(models.Model):
    """A business customer to whom promises are made.

    The client ``platform`` owns what belongs to no customer: client_id is
    never NULL in stored rows.
    """

    class Tier(models.TextChoices):
        """How much a client's trouble weighs."""

        PLATFORM = "platform", "Platform (internal)"
        STANDARD = "standard", "Standard"
        BUSINESS = "business", "Business"
        ENTERPRISE = "enterprise", "Enterprise"

    id = models.AutoField(primary_key=True)
    code = models.CharField(
        max_length=50,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9][a-z0-9_-]*$", "Use a-z, 0-9, - and _; start with a-z or 0-9."
            )
        ],
        help_text="Short name that services send with their metrics, e.g. acme. Stays as it is.",
    )
    name = models.CharField(max_length=200, help_text="The customer's name, as reports print it.")
    tier = models.CharField(max_length=20, choices=Tier, default=Tier.STANDARD)
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="IANA name; calendar months and business hours of promises follow it.",
    )
    active = models.BooleanField(
        default=True, help_text="Rows that name an inactive client are refused."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "clients"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="clients_platform_stays",
                condition=~models.Q(code=PLATFORM) | models.Q(active=True),
                violation_error_message="The client “platform” can't be deactivated.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_platform(self) -> bool:
        """Whether this is the sentinel that owns what belongs to no customer."""
        return self.code == PLATFORM


class User(AbstractUser):
    """A person who signs in to the portal."""

    id = models.AutoField(primary_key=True)
    all_clients = models.BooleanField(
        "sees all clients",
        default=True,
        help_text="Untick to show this person only the clients chosen below.",
    )
    clients = models.ManyToManyField(
        Client,
        blank=True,
        related_name="users",
        help_text="Used only when “sees all clients” is unticked.",
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="Times are shown to this person in this zone.",
    )

    class Meta(AbstractUser.Meta):
        db_table = "users"

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class Team(models.Model):
    """People who own components together and hear of their alerts."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    members = models.ManyToManyField(User, blank=True, related_name="teams")

    class Meta:
        db_table = "teams"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """What a service signs in with. Only a hash of the secret is stored."""

    class Scope(models.TextChoices):
        """What a key may do."""

        INGEST = "ingest", "Send metrics"
        READ = "read", "Read metrics"
        ALERTS = "alerts", "Send alerts, as Prometheus does"
        TRIAGE = "triage", "Triage alerts in a person's name"

    name = models.CharField(max_length=100, help_text="Which service or person uses it.")
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=20, choices=Scope),
        default=list,
        help_text="What the key may do.",
    )
    client = models.ForeignKey(
        Client,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="api_keys",
        help_text="The only client it may report for. Empty: all clients.",
    )
    rows_per_minute = models.PositiveIntegerField(
        "rows a minute",
        null=True,
        blank=True,
        help_text="More are refused with 429. Empty: AIOSMON_INGEST_ROWS_PER_MINUTE; 0: no limit.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    acts_as = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="In whose name it triages: what that person may do and see, it may.",
    )
    replaced_by = models.OneToOneField(
        "self", null=True, on_delete=models.SET_NULL, related_name="replaces", editable=False
    )

    class Meta:
        db_table = "api_keys"
        ordering = ["name"]
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        constraints = [
            models.CheckConstraint(
                name="api_keys_triage_in_a_name",
                condition=~models.Q(scopes__contains=["triage"]) | models.Q(acts_as__isnull=False),
                violation_error_message="A key that triages needs a person in whose name.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
