"""Who sent how much, what was refused, who reports at all, and what was answered before."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import ApiKey, Client


class IntakeMinute(models.Model):
    """What one key sent through one face in one minute of arrival."""

    minute = models.DateTimeField()
    api_key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    face = models.CharField(max_length=20)
    requests = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0, help_text="Rows (or points) that were stored.")
    rejected = models.BigIntegerField(default=0, help_text="Rows that were refused.")
    lag_max_seconds = models.FloatField(
        null=True, help_text="The largest time between a request's newest row and its arrival."
    )

    class Meta:
        db_table = "intake_minutes"
        verbose_name = "minute of ingestion"
        verbose_name_plural = "minutes of ingestion"
        constraints = [
            models.UniqueConstraint(
                fields=["minute", "api_key", "face"],
                name="intake_minutes_one",
                nulls_distinct=False,
            )
        ]
        indexes = [models.Index(fields=["api_key", "minute"], name="intake_minutes_by_key")]

    def __str__(self) -> str:
        return f"{self.face} {self.minute:%Y-%m-%d %H:%M}"


class IntakeRejection(models.Model):
    """How often something was refused or left out for one reason on one day, with an example."""

    day = models.DateField()
    api_key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    face = models.CharField(max_length=20)
    reason = models.CharField(max_length=60, help_text="The field at fault, or a short code.")
    count = models.BigIntegerField(default=0)
    last_at = models.DateTimeField()
    example = models.CharField(max_length=500, blank=True, help_text="The latest one.")

    class Meta:
        db_table = "intake_rejections"
        verbose_name = "reason of refusal"
        verbose_name_plural = "reasons of refusal"
        constraints = [
            models.UniqueConstraint(
                fields=["day", "api_key", "face", "reason"],
                name="intake_rejections_one",
                nulls_distinct=False,
            )
        ]
        indexes = [models.Index(fields=["api_key", "day"], name="intake_rejections_by_key")]

    def __str__(self) -> str:
        return f"{self.reason}: {self.count} on {self.day}"


class Emitter(models.Model):
    """A service that has reported, so that its silence can be noticed."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    component = models.CharField(max_length=50)
    service_name = models.CharField(max_length=50)
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField()
    silent_after_seconds = models.PositiveIntegerField(
        "silent after (s)",
        null=True,
        blank=True,
        help_text="Without data for this long it counts as silent. "
        "Empty: AIOSMON_SILENT_AFTER_SECONDS.",
    )
    muted = models.BooleanField(default=False, help_text="Its silence is expected.")

    class Meta:
        db_table = "emitters"
        ordering = ["service_name"]
        verbose_name = "reporting service"
        constraints = [
            models.UniqueConstraint(
                fields=["client", "component", "service_name"], name="emitters_one"
            )
        ]

    def __str__(self) -> str:
        return self.service_name


class IdempotencyKey(models.Model):
    """The answer that a request with an Idempotency-Key got, to be given again."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    face = models.CharField(max_length=20)
    key = models.CharField(max_length=255)
    body_hash = models.BinaryField(max_length=32)
    status = models.SmallIntegerField()
    answer = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        db_table = "idempotency_keys"
        constraints = [
            models.UniqueConstraint(fields=["api_key", "face", "key"], name="idempotency_keys_one")
        ]

    def __str__(self) -> str:
        return self.key
