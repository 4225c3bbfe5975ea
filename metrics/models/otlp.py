"""What OTLP's names mean to the portal.

Data, not code: conventions change, and people add names of their own.
"""

from django.core.exceptions import ValidationError
from django.db import models

from metrics.models.facts import Category, Complexity, MetricDefinition
from metrics.units import Unit


class OtlpAlias(models.Model):
    """One name of an attribute or a metric, and what it means here.

    Several names may mean the same; of those that are present the one with the
    lowest priority counts.
    """

    class Kind(models.TextChoices):
        """What bears the name."""

        ATTRIBUTE = "attribute", "Attribute"
        METRIC = "metric", "Metric"

    class Convention(models.TextChoices):
        """Who uses the name."""

        GENAI_LEGACY = "genai_legacy", "GenAI, before 1.37"
        GENAI_137 = "genai_137", "GenAI, 1.37–1.41"
        GENAI_NEWEST = "genai_newest", "GenAI, newest"
        OPENINFERENCE = "openinference", "OpenInference"
        OPENLLMETRY = "openllmetry", "OpenLLMetry"
        GENERAL = "general", "OpenTelemetry, general"
        AIOSMON = "aiosmon", "AIOSMON"
        OWN = "own", "Our own"

    class Meaning(models.TextChoices):
        """What an attribute's value is to the portal."""

        MODEL = "model", "Model"
        PROVIDER = "provider", "Provider"
        OPERATION = "operation", "Operation"
        INPUT_TOKENS = "input_tokens", "Input tokens"
        OUTPUT_TOKENS = "output_tokens", "Output tokens"
        TOKEN_TYPE = "token_type", "Kind of tokens (input, output)"
        FIRST_TOKEN = "first_token", "Time to the first output (s)"
        FINISH_REASONS = "finish_reasons", "Finish reasons"
        RESPONSE_ID = "response_id", "Id of the response"
        ERROR = "error", "Error (marks a failure)"
        SERVICE = "service", "Service name"
        CLIENT = "client", "Client's code"
        COMPONENT = "component", "Component's code"
        COMPLEXITY = "complexity", "Query complexity"
        ENDPOINT = "endpoint", "Endpoint"
        EVALUATION = "evaluation", "Name of an evaluation"
        SCORE = "score", "Score of an evaluation"
        LABEL = "label", "Label of an evaluation"
        COMMENT = "comment", "Explanation of an evaluation"
        VALUE = "value", "The metric's value"

    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=200, help_text="As the emitter writes it.")
    meaning = models.CharField(max_length=20, choices=Meaning, default=Meaning.VALUE)
    convention = models.CharField(max_length=20, choices=Convention, default=Convention.OWN)
    priority = models.PositiveSmallIntegerField(
        default=100, help_text="Of several attributes with one meaning the lowest counts."
    )
    metric_name = models.CharField(
        max_length=100,
        blank=True,
        help_text="Metrics: what it is called here. “{token_type}” is replaced by that attribute.",
    )
    metric_category = models.CharField(max_length=50, choices=Category, blank=True)
    measurement_unit = models.CharField(max_length=20, choices=Unit, blank=True)
    factor = models.FloatField(
        default=1.0, help_text="Metrics: what the value is multiplied by; s to ms is 1000."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "otlp_aliases"
        ordering = ["kind", "meaning", "priority", "name"]
        verbose_name = "OTLP name"
        constraints = [
            models.UniqueConstraint(fields=["kind", "name", "meaning"], name="otlp_aliases_one"),
            models.CheckConstraint(
                name="otlp_aliases_metrics_are_whole",
                condition=~models.Q(kind="metric")
                | ~models.Q(metric_name="")
                & ~models.Q(metric_category="")
                & ~models.Q(measurement_unit=""),
                violation_error_message="A metric needs its name here, its category and its unit.",
            ),
            models.CheckConstraint(name="otlp_aliases_factor", condition=models.Q(factor__gt=0)),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A metric that is known is measured in its own unit."""
        unit = _units().get(self.metric_name)
        if unit is not None and self.measurement_unit != unit:
            text = f"{self.metric_name} is measured in {unit}: choose that, and a factor to match."
            raise ValidationError({"measurement_unit": text})


class ComponentRule(models.Model):
    """Which component a service's data belongs to, and which spans are measurements.

    Rules are tried by priority. The first that matches and names a component
    gives the component; the first that matches and names a metric makes a span
    a row of that metric. A span that no such rule matches is not stored.
    """

    name = models.CharField(max_length=100, unique=True)
    priority = models.PositiveSmallIntegerField(default=100, help_text="The lowest is tried first.")
    attribute = models.CharField(
        max_length=200,
        help_text="Of the span or resource; also span.name and span.kind (server, client, …).",
    )
    pattern = models.CharField(
        max_length=200,
        default="*",
        help_text="What its value looks like: * stands for any text, ? for one character.",
    )
    component = models.CharField(
        max_length=50, blank=True, help_text="Code of the component. Empty: a later rule's."
    )
    metric_name = models.CharField(
        max_length=100, blank=True, help_text="Spans that match are rows of this metric, in ms."
    )
    metric_category = models.CharField(max_length=50, choices=Category, blank=True)
    query_complexity = models.CharField(max_length=20, choices=Complexity, blank=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "component_rules"
        ordering = ["priority", "pk"]
        verbose_name = "component rule"
        constraints = [
            models.CheckConstraint(
                name="component_rules_do_something",
                condition=~models.Q(component="") | ~models.Q(metric_name=""),
                violation_error_message="A rule names a component, a metric, or both.",
            ),
            models.CheckConstraint(
                name="component_rules_metrics_are_whole",
                condition=models.Q(metric_name="") | ~models.Q(metric_category=""),
                violation_error_message="A metric needs its category.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The metric is a known length of time; its category comes with it."""
        self.metric_category = ""
        if not self.metric_name:
            return
        definition = MetricDefinition.objects.filter(name=self.metric_name).first()
        if definition is None or definition.unit != Unit.MILLISECONDS:
            raise ValidationError({"metric_name": "Choose a known metric in ms: a span's length."})
        self.metric_category = definition.category


def _units() -> dict[str, str]:
    return dict(MetricDefinition.objects.values_list("name", "unit"))
