"""Promises, with the specification's own field names."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_slug
from django.db import models
from django.db.models import F, Q

from metrics.models import Complexity, MetricDefinition
from metrics.units import Unit

POSITIVE = MinValueValidator(0.001, "This must be more than 0.")
SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]
PERCENT = [MinValueValidator(0.0), MaxValueValidator(100.0)]
# A row's time is its request's start, so the newest part of a window lacks the slowest calls: that
# part must be small.
WINDOW_FACTOR = 4
STARS = [MinValueValidator(1.0), MaxValueValidator(5.0)]


def check_unit(field: str, metric_name: str, unit: str) -> None:
    """Raise ValidationError, on ``field``, for a metric known to come in another unit.

    Rows in another unit are not counted, so such a promise would never alert.
    """
    known = MetricDefinition.objects.filter(name=metric_name).values_list("unit", flat=True).first()
    if known is not None and known != unit:
        raise ValidationError(
            {field: f"{metric_name} is measured in {known}, but this is held against {unit}."}
        )


class Criticality(models.TextChoices):
    """How much a breach of a promise weighs."""

    LOW = "low", "Low"
    NORMAL = "normal", "Normal"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class Evaluated(models.Model):
    """What every promise says about how it is evaluated."""

    enabled = models.BooleanField(default=True, help_text="Only enabled promises are evaluated.")
    window_seconds = models.PositiveIntegerField(
        "window (s)",
        default=300,
        validators=[MinValueValidator(10), MaxValueValidator(7 * 86_400)],
        help_text="Length of the sliding window that is judged, in seconds.",
    )
    minimum_samples = models.PositiveIntegerField(
        default=5,
        validators=[MinValueValidator(1)],
        help_text="With fewer measurements in the window the verdict is “insufficient data”.",
    )
    criticality = models.CharField(
        max_length=10,
        choices=Criticality,
        default=Criticality.NORMAL,
        db_default=Criticality.NORMAL,
        help_text="How much a breach weighs: alerts are graded and sorted by it. "
        "It is no promise to anybody.",
    )
    business_impact = models.CharField(
        max_length=255,
        blank=True,
        help_text="What a breach means for the business; alerts quote it.",
    )
    recommended_action = models.TextField(
        blank=True, help_text="What to do first. Empty: the alert's own advice."
    )

    class Meta:
        abstract = True


class Sla(Evaluated):
    """What is promised for one class of requests."""

    code = models.SlugField(
        max_length=50, unique=True, help_text="Short name; part of every alert's fingerprint."
    )
    description = models.TextField(help_text="The class of requests, in business words.")
    metric_name = models.CharField(
        max_length=100, help_text="The metric (in ms) whose rows are requests of this class."
    )
    component = models.CharField(max_length=50, help_text="Code of the component that answers.")
    query_complexity = models.CharField(
        max_length=20, choices=Complexity, blank=True, help_text="Empty: any complexity."
    )
    target_response_time = models.FloatField(
        "target response time (ms)",
        validators=[POSITIVE],
        help_text="Milliseconds within which the share below must be answered.",
    )
    latency_share = models.FloatField(
        "share within target (%)",
        default=95.0,
        validators=PERCENT,
        help_text="Percent of requests that must meet the target response time.",
    )
    max_response_time = models.FloatField(
        "maximum response time (ms)",
        validators=[POSITIVE],
        help_text="Milliseconds after which an answer counts as not given.",
    )
    availability = models.FloatField(
        "availability (%)",
        validators=PERCENT,
        help_text="Percent of requests that must succeed within the maximum response time.",
    )
    user_satisfaction_target = models.FloatField(
        "satisfaction target (1–5)",
        null=True,
        blank=True,
        validators=STARS,
        help_text="Mean rating, out of 5, that users must give. Empty: none promised.",
    )
    learning_integration_time = models.FloatField(
        "learning integration time (s)",
        null=True,
        blank=True,
        validators=[POSITIVE],
        help_text="Seconds within which feedback must reach the model. Empty: none promised.",
    )
    learning_metric_name = models.CharField(
        max_length=100,
        blank=True,
        help_text="The metric (in seconds) held against the learning integration time.",
    )
    examples = models.JSONField(default=list, blank=True, help_text="A list of example requests.")
    satisfaction_window_seconds = models.PositiveIntegerField(
        "satisfaction window (s)",
        default=86_400,
        validators=[MinValueValidator(60), MaxValueValidator(7 * 86_400)],
        help_text="Ratings are rarer than requests: the window that satisfaction is judged over.",
    )
    minimum_votes = models.PositiveIntegerField(
        default=10, validators=[MinValueValidator(1)], help_text="Ratings needed for a verdict."
    )
    include_synthetic = models.BooleanField(
        default=False,
        help_text="Count probes made in a customer's name too. "
        "The platform's own probes always count towards the platform.",
    )

    class Meta:
        db_table = "slas"
        ordering = ["code"]
        verbose_name = "SLA"
        verbose_name_plural = "SLAs"
        constraints = [
            models.CheckConstraint(
                name="sla_target_within_maximum",
                condition=Q(target_response_time__lte=F("max_response_time")),
                violation_error_message="The target response time can't exceed the maximum.",
            )
        ]

    def __str__(self) -> str:
        return self.code

    def clean(self) -> None:
        """Refuse promises that could never be judged, and so would never alert."""
        super().clean()
        if self.learning_integration_time is not None and not self.learning_metric_name:
            raise ValidationError(
                {"learning_metric_name": "Name the metric that is held against this time."}
            )
        if not isinstance(self.examples, list):
            raise ValidationError({"examples": 'Write a JSON list, e.g. ["Count queries"].'})
        if self.window_seconds * 1000 < WINDOW_FACTOR * self.max_response_time:
            raise ValidationError(
                {
                    "window_seconds": f"A call that takes {self.max_response_time:g} ms is known "
                    "only after that: judged over so short a window it would be missed. Use at "
                    f"least {WINDOW_FACTOR * self.max_response_time / 1000:g} s."
                }
            )
        check_unit("metric_name", self.metric_name, Unit.MILLISECONDS)
        check_unit("learning_metric_name", self.learning_metric_name, Unit.SECONDS)


class ModelTarget(Evaluated):
    """What is promised of one ML model."""

    class AccuracyMetric(models.TextChoices):
        """What the accuracy threshold is measured in."""

        R2 = "r2", "R² score"
        F1 = "f1", "F1 score"
        ACCURACY = "accuracy", "Classification accuracy"

    model_name = models.CharField(max_length=100, unique=True)
    inference_time = models.FloatField(
        "inference time (ms)",
        validators=[POSITIVE],
        help_text="Milliseconds within which a prediction must be made.",
    )
    latency_share = models.FloatField(
        "share within inference time (%)",
        default=95.0,
        validators=PERCENT,
        help_text="Percent of predictions that must meet it.",
    )
    accuracy_threshold = models.FloatField(validators=SHARE, help_text="Least score, from 0 to 1.")
    accuracy_metric = models.CharField(max_length=20, choices=AccuracyMetric)
    business_accuracy = models.FloatField(validators=SHARE, help_text="Least share, from 0 to 1.")
    business_accuracy_definition = models.CharField(
        max_length=255, help_text="What counts as right for the business."
    )
    training_time = models.FloatField(
        "training time (s)", validators=[POSITIVE], help_text="Most seconds a training may take."
    )
    model_size_limit = models.FloatField("model size limit (MB)", validators=[POSITIVE])
    user_satisfaction = models.FloatField(
        "user satisfaction (1–5)", validators=STARS, help_text="Least mean rating out of 5."
    )
    metric_name = models.CharField(
        max_length=100,
        default="ml_prediction_inference_time",
        help_text="The metric (in ms) whose rows are this model's predictions.",
    )
    component = models.CharField(max_length=50, default="cognitive_core")

    class Meta:
        db_table = "model_targets"
        ordering = ["model_name"]
        verbose_name = "model target"

    def __str__(self) -> str:
        return self.model_name

    def clean(self) -> None:
        """Refuse a metric in another unit than the promise."""
        super().clean()
        check_unit("metric_name", self.metric_name, Unit.MILLISECONDS)


class ResourceLimit(Evaluated):
    """A limit of one component, and the metric that is held against it."""

    class Aggregate(models.TextChoices):
        """Which figure of the window is compared with the limit."""

        MEAN = "mean", "Mean of the window"
        MAXIMUM = "max", "Largest value in the window"
        LATEST = "latest", "Latest value"

    # No colon: component and name together make the objective's key.
    component = models.CharField(max_length=50, validators=[validate_slug])
    name = models.CharField(max_length=100, help_text="The limit's name, e.g. max_memory_usage.")
    value = models.FloatField(help_text="The limit itself, in the unit beside it.")
    unit = models.CharField(max_length=20, choices=Unit)
    metric_name = models.CharField(
        max_length=100, help_text="The metric, in the same unit, that is held against the limit."
    )
    aggregate = models.CharField(
        max_length=10,
        choices=Aggregate,
        default=Aggregate.MEAN,
        help_text="What of the window is compared: a spike should not page, a full queue should.",
    )
    description = models.CharField(max_length=255, blank=True)

    class Meta:
        db_table = "resource_limits"
        ordering = ["component", "name"]
        verbose_name = "resource limit"
        constraints = [
            models.UniqueConstraint(fields=["component", "name"], name="one_limit_per_name")
        ]

    def __str__(self) -> str:
        return f"{self.component}: {self.name}"

    def clean(self) -> None:
        """Refuse a metric in another unit than the limit."""
        super().clean()
        check_unit("metric_name", self.metric_name, self.unit)
