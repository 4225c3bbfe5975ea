"""What was measured. Tables and columns of the specification keep its names."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.models import Client, Team, User
from metrics.units import Unit


class Category(models.TextChoices):
    """What kind of thing a metric measures."""

    AI_QUERY = "ai_query", "AI query"
    ML_INFERENCE = "ml_inference", "ML inference"
    USER_FEEDBACK = "user_feedback", "User feedback"
    SYSTEM_HEALTH = "system_health", "System health"
    USER_INTERFACE = "user_interface", "User interface"


class Complexity(models.TextChoices):
    """How much work a query asks for."""

    SIMPLE = "simple", "Simple"
    MODERATE = "moderate", "Moderate"
    COMPLEX = "complex", "Complex"


class Component(models.Model):
    """A part of the AI operating system; rows name it by its code."""

    code = models.SlugField(
        max_length=50,
        unique=True,
        help_text="What services send as component, e.g. cognitive_core.",
    )
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="components",
        help_text="The team that owns it and is told of its alerts.",
    )

    class Meta:
        db_table = "components"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class MetricDefinition(models.Model):
    """What a metric name means, so that a value in the wrong unit is refused by name."""

    name = models.CharField(max_length=100, unique=True)
    category = models.CharField(max_length=50, choices=Category)
    unit = models.CharField(
        max_length=20, choices=Unit, help_text="Rows of this metric in another unit are refused."
    )
    description = models.CharField(max_length=255, blank=True)

    class Meta:
        db_table = "metric_definitions"
        ordering = ["name"]
        verbose_name = "metric"

    def __str__(self) -> str:
        return self.name


class PerformanceBaseline(models.Model):
    """A measured reference for a metric under stated test conditions."""

    id = models.AutoField(primary_key=True)
    metric_name = models.CharField(max_length=100, help_text="The metric this is a reference for.")
    metric_category = models.CharField(max_length=50, choices=Category)
    baseline_value = models.FloatField(help_text="The reference value, in the unit below.")
    measurement_unit = models.CharField(max_length=20, choices=Unit)
    measurement_date = models.DateTimeField(
        db_default=TransactionNow(), help_text="When it was measured."
    )
    test_conditions = models.JSONField(
        null=True,
        blank=True,
        help_text="Test parameters and conditions, e.g. {“query_complexity”: “moderate”}.",
    )
    client = models.ForeignKey(
        Client,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Empty: holds for every client.",
    )
    component = models.CharField(max_length=50, help_text="Code of the component measured.")
    active = models.BooleanField(
        db_default=True, default=True, help_text="Only active baselines are compared against."
    )

    class Meta:
        db_table = "ai_system_performance_baselines"
        ordering = ["component", "metric_name"]
        verbose_name = "baseline"

    def __str__(self) -> str:
        return f"{self.metric_name}: {self.baseline_value:g} {self.measurement_unit}"


class PerformanceMetric(models.Model):
    """One measurement. Immutable; the table is partitioned by day of ``timestamp``.

    Rows go in by COPY (metrics.ingest.store) and are never saved one by one.
    The database's primary key is (client_id, timestamp, id): Django needs a
    single column, and ``id`` is unique by its sequence. Indexes are made in SQL:
    the specification's names are longer than Django allows.
    """

    id = models.BigAutoField(primary_key=True)
    metric_name = models.CharField(max_length=100)
    metric_category = models.CharField(max_length=50, choices=Category)
    metric_value = models.FloatField()
    measurement_unit = models.CharField(max_length=20, choices=Unit)
    component = models.CharField(max_length=50)
    service_name = models.CharField(max_length=50)
    endpoint_path = models.CharField(max_length=255, null=True)  # noqa: DJ001  # NULL is the specification's
    # Deleting is refused by the database: looking for rows of a user would scan every partition.
    user = models.ForeignKey(
        User, null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    client = models.ForeignKey(
        Client, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    request_id = models.CharField(max_length=100, null=True)  # noqa: DJ001
    query_complexity = models.CharField(max_length=20, choices=Complexity, null=True)  # noqa: DJ001
    ml_models_used = models.JSONField(null=True)
    user_satisfaction_score = models.FloatField(
        null=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    timestamp = models.DateTimeField(db_default=TransactionNow())
    metadata = models.JSONField(null=True)
    success = models.BooleanField(db_default=True, default=True)
    synthetic = models.BooleanField(db_default=False, default=False)
    event_id = models.UUIDField(null=True)

    class Meta:
        db_table = "ai_performance_metrics"
        verbose_name = "metric row"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.metric_value:g} {self.measurement_unit}"


class PendingMinute(models.Model):
    """A minute of a metric whose roll-up is due, marked by the transaction that stored rows in it.

    Append-only: a unique mark would make concurrent writers wait for one
    another and for the roll-up that is claiming it.
    """

    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    metric_name = models.CharField(max_length=100)
    minute = models.DateTimeField()

    class Meta:
        db_table = "pending_minutes"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.minute:%H:%M}"


class ChangedMinute(models.Model):
    """A minute of a metric that was rolled up, marked for those who count further from its rows.

    Append-only, like the pending minutes it follows from; who counted from it deletes it.
    """

    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    metric_name = models.CharField(max_length=100)
    minute = models.DateTimeField()

    class Meta:
        db_table = "changed_minutes"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.minute:%H:%M}"


class MinuteRollup(models.Model):
    """The rows and histogram points of one series in one minute: counts, sums, a histogram.

    The histogram is OpenTelemetry's base-2 exponential one (metrics.histogram)
    over the successful rows' values. The primary key in the database is the
    series with its minute; Django is told of ``id`` alone.
    """

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    minute = models.DateTimeField()
    metric_name = models.CharField(max_length=100)
    component = models.CharField(max_length=50)
    service_name = models.CharField(max_length=50)
    query_complexity = models.CharField(max_length=20, help_text="Empty: none was sent.")
    model = models.CharField(max_length=100, help_text="The first of ml_models_used; may be empty.")
    measurement_unit = models.CharField(max_length=20)
    synthetic = models.BooleanField()
    total = models.BigIntegerField(help_text="Rows in the minute.")
    succeeded = models.BigIntegerField(help_text="Rows with success.")
    value_sum = models.FloatField(help_text="Over successful rows, in the unit.")
    value_min = models.FloatField(null=True)
    value_max = models.FloatField(null=True)
    votes = models.BigIntegerField(help_text="Rows with a satisfaction score.")
    votes_sum = models.FloatField()
    hist_scale = models.SmallIntegerField()
    hist_zero = models.BigIntegerField(help_text="Successful rows with a value of 0 or less.")
    hist_idx = ArrayField(models.SmallIntegerField())
    hist_cnt = ArrayField(models.BigIntegerField())
    approximate = models.BooleanField(
        db_default=False,
        default=False,
        help_text="Part of it came in other buckets and was spread over ours.",
    )

    class Meta:
        db_table = "minute_rollups"
        verbose_name = "minute roll-up"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.minute:%Y-%m-%d %H:%M}"
