"""Admin of components, metrics and baselines."""

from django.contrib import admin
from unfold.decorators import display

from accounts.admin import GlobalAdmin, ScopedAdmin
from metrics import formats
from metrics.admin.choices import KnownNames
from metrics.models import Component, MetricDefinition, PerformanceBaseline


@admin.register(Component)
class ComponentAdmin(GlobalAdmin):
    """The parts of the AI operating system."""

    list_display = ["name", "code", "team", "description"]
    list_filter = ["team"]
    list_select_related = ["team"]
    search_fields = ["name", "code", "description"]


@admin.register(MetricDefinition)
class MetricDefinitionAdmin(GlobalAdmin):
    """What metric names mean."""

    list_display = ["name", "category", "unit", "description"]
    list_filter = ["category", "unit"]
    search_fields = ["name", "description"]


@admin.register(PerformanceBaseline)
class PerformanceBaselineAdmin(KnownNames, ScopedAdmin):
    """Measured references."""

    shared_rows = True
    list_display = [
        "metric_name",
        "value",
        "component",
        "metric_category",
        "conditions",
        "client",
        "measurement_date",
        "active",
    ]
    list_filter = ["component", "metric_category", "active"]
    list_select_related = ["client"]
    search_fields = ["metric_name"]

    @display(description="Baseline", ordering="baseline_value")
    def value(self, baseline: PerformanceBaseline) -> str:
        """The reference with its unit."""
        return formats.measure(baseline.baseline_value, baseline.measurement_unit)

    @display(description="Test conditions")
    def conditions(self, baseline: PerformanceBaseline) -> str:
        """The conditions in short."""
        conditions = baseline.test_conditions or {}
        return ", ".join(f"{name}: {value}" for name, value in conditions.items()) or "–"
