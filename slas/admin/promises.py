"""Admin of the promises."""

from django.contrib import admin
from unfold.decorators import display

from metrics import formats
from metrics.units import Unit
from slas.admin.editing import PromiseAdmin
from slas.models import ModelTarget, ResourceLimit, Sla

EVALUATION = (
    "Evaluation",
    {"fields": ["enabled", "window_seconds", "minimum_samples"]},
)
WORDS = ("For the alert", {"fields": ["criticality", "business_impact", "recommended_action"]})


@admin.register(Sla)
class SlaAdmin(PromiseAdmin):
    """What is promised for each class of requests."""

    list_display = ["code", "scope", "target", "maximum", "available", "satisfaction", "enabled"]
    list_filter = ["component", "query_complexity", "enabled"]
    search_fields = ["code", "description"]
    fieldsets = [
        (None, {"fields": ["code", "description", "examples"]}),
        ("Which requests", {"fields": ["metric_name", "component", "query_complexity"]}),
        (
            "The promise",
            {
                "fields": [
                    "target_response_time",
                    "latency_share",
                    "max_response_time",
                    "availability",
                    "user_satisfaction_target",
                    "learning_integration_time",
                    "learning_metric_name",
                ]
            },
        ),
        (
            "Evaluation",
            {
                "fields": [
                    "enabled",
                    "window_seconds",
                    "minimum_samples",
                    "satisfaction_window_seconds",
                    "minimum_votes",
                    "include_synthetic",
                ]
            },
        ),
        WORDS,
    ]

    @display(description="Requests", ordering="query_complexity")
    def scope(self, sla: Sla) -> str:
        """Which requests it covers."""
        complexity = sla.get_query_complexity_display() if sla.query_complexity else "Any"
        return f"{complexity}, {sla.component}"

    @display(description="Target", ordering="target_response_time")
    def target(self, sla: Sla) -> str:
        """The latency promise."""
        return f"{sla.latency_share:g} % within {sla.target_response_time:,g} ms"

    @display(description="Maximum", ordering="max_response_time")
    def maximum(self, sla: Sla) -> str:
        """When an answer counts as not given."""
        return f"{sla.max_response_time:,g} ms"

    @display(description="Availability", ordering="availability")
    def available(self, sla: Sla) -> str:
        """The availability promise."""
        return f"{sla.availability:g} %"

    @display(description="Satisfaction", ordering="user_satisfaction_target")
    def satisfaction(self, sla: Sla) -> str:
        """The rating promised."""
        target = sla.user_satisfaction_target
        return "–" if target is None else f"≥ {target:g} of 5"


@admin.register(ModelTarget)
class ModelTargetAdmin(PromiseAdmin):
    """What is promised of each ML model."""

    list_display = [
        "model_name",
        "inference",
        "accuracy",
        "business_accuracy",
        "training",
        "size",
        "user_satisfaction",
        "enabled",
    ]
    list_filter = ["accuracy_metric", "enabled"]
    search_fields = ["model_name"]
    fieldsets = [
        (None, {"fields": ["model_name", "metric_name", "component"]}),
        (
            "The promise",
            {
                "fields": [
                    "inference_time",
                    "latency_share",
                    "accuracy_threshold",
                    "accuracy_metric",
                    "business_accuracy",
                    "business_accuracy_definition",
                    "training_time",
                    "model_size_limit",
                    "user_satisfaction",
                ]
            },
        ),
        EVALUATION,
        WORDS,
    ]

    @display(description="Inference", ordering="inference_time")
    def inference(self, target: ModelTarget) -> str:
        """The latency promise."""
        return f"≤{formats.NBSP}{formats.measure(target.inference_time, Unit.MILLISECONDS)}"

    @display(description="Accuracy", ordering="accuracy_threshold")
    def accuracy(self, target: ModelTarget) -> str:
        """The accuracy promise with its metric."""
        return f"≥ {target.accuracy_threshold:g} {target.get_accuracy_metric_display()}"

    @display(description="Training", ordering="training_time")
    def training(self, target: ModelTarget) -> str:
        """Longest training."""
        return f"≤{formats.NBSP}{target.training_time / 60:g}{formats.NBSP}min"

    @display(description="Size", ordering="model_size_limit")
    def size(self, target: ModelTarget) -> str:
        """Largest model."""
        return f"≤{formats.NBSP}{formats.measure(target.model_size_limit, Unit.MEGABYTES)}"


@admin.register(ResourceLimit)
class ResourceLimitAdmin(PromiseAdmin):
    """Limits of the components."""

    list_display = ["name", "component", "limit", "metric_name", "aggregate", "enabled"]
    list_filter = ["component", "unit", "enabled"]
    search_fields = ["name", "metric_name"]
    fieldsets = [
        (None, {"fields": ["component", "name", "description"]}),
        ("The limit", {"fields": ["value", "unit", "metric_name", "aggregate"]}),
        EVALUATION,
        WORDS,
    ]

    @display(description="Limit", ordering="value")
    def limit(self, limit: ResourceLimit) -> str:
        """The value with its unit."""
        return f"≤{formats.NBSP}{formats.measure(limit.value, limit.unit)}"
