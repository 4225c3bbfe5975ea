"""Admin of metric rows and roll-ups: to look at, never to change, never to count."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnlyAdmin
from accounts.filters import ClientFilter
from metrics import formats
from metrics.histogram import merge
from metrics.models import (
    Category,
    Complexity,
    Component,
    HistogramPoint,
    MinuteRollup,
    PerformanceMetric,
)

SPANS = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}


class SpanFilter(admin.SimpleListFilter):
    """How far back to look; bounds the partitions that are read."""

    title = "time"
    parameter_name = "span"
    field = "timestamp"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The spans on offer; without one, everything kept."""
        return [("1h", "Last hour"), ("1d", "Last day"), ("7d", "Last 7 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Rows within the span."""
        span = SPANS.get(self.value() or "")
        if span is None:
            return queryset
        return queryset.filter(**{f"{self.field}__gte": timezone.now() - span})


class MinuteSpanFilter(SpanFilter):
    """The same over roll-ups."""

    field = "minute"


class ComponentFilter(admin.SimpleListFilter):
    """Components from their small table: DISTINCT over rows would read them all."""

    title = "component"
    parameter_name = "component"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Every component."""
        return list(Component.objects.values_list("code", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Rows of the component."""
        return queryset.filter(component=self.value()) if self.value() else queryset


class CategoryFilter(admin.SimpleListFilter):
    """Categories are choices: no query is needed to list them."""

    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Every category."""
        return list(Category.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Rows of the category."""
        return queryset.filter(metric_category=self.value()) if self.value() else queryset


class ComplexityFilter(admin.SimpleListFilter):
    """Query complexity."""

    title = "complexity"
    parameter_name = "complexity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Every class."""
        return list(Complexity.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Rows of the class."""
        return queryset.filter(query_complexity=self.value()) if self.value() else queryset


@admin.register(PerformanceMetric)
class PerformanceMetricAdmin(ReadOnlyAdmin):
    """Metric rows, newest first."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    ordering = ["-timestamp"]
    list_display = [
        "timestamp",
        "metric_name",
        "value",
        "outcome",
        "component",
        "source",
        "client",
        "complexity",
        "models",
    ]
    list_filter = [SpanFilter, ComponentFilter, CategoryFilter, ComplexityFilter, ClientFilter]
    list_select_related = ["client"]
    search_fields = ["=metric_name", "=request_id", "=service_name"]
    search_help_text = "An exact metric name, request id or service name."

    @display(description="Value")
    def value(self, row: PerformanceMetric) -> str:
        """The value with its unit."""
        return formats.measure(row.metric_value, row.measurement_unit)

    @display(description="Outcome", label={"OK": "success", "Failed": "danger"})
    def outcome(self, row: PerformanceMetric) -> str:
        """Whether the call succeeded."""
        return "OK" if row.success else "Failed"

    @display(description="Models")
    def models(self, row: PerformanceMetric) -> str:
        """The models that took part."""
        return ", ".join(row.ml_models_used or []) or "–"

    @display(description="Service")
    def source(self, row: PerformanceMetric) -> str:
        """Who sent it, and whether the portal measured it by itself."""
        return f"{row.service_name} (probe)" if row.synthetic else row.service_name

    @display(description="Complexity")
    def complexity(self, row: PerformanceMetric) -> str:
        """How much work the query asked for."""
        return (row.query_complexity or "–").capitalize()


@admin.register(MinuteRollup)
class MinuteRollupAdmin(ReadOnlyAdmin):
    """Minute roll-ups with percentiles from their histograms."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    ordering = ["-minute", "metric_name"]
    list_display = [
        "minute",
        "metric_name",
        "component",
        "client",
        "complexity",
        "model",
        "total",
        "failed",
        "p50",
        "p95",
    ]
    list_filter = [MinuteSpanFilter, ComponentFilter, ComplexityFilter, ClientFilter]
    list_select_related = ["client"]
    search_fields = ["=metric_name", "=model"]
    search_help_text = "An exact metric or model name."

    @display(description="Complexity")
    def complexity(self, rollup: MinuteRollup) -> str:
        """How much work the queries asked for."""
        return rollup.query_complexity.capitalize() or "–"

    @display(description="Failed")
    def failed(self, rollup: MinuteRollup) -> int:
        """Rows without success."""
        return rollup.total - rollup.succeeded

    @display(description="p50")
    def p50(self, rollup: MinuteRollup) -> str:
        """Median of the successful rows."""
        return quantile(rollup, 0.5)

    @display(description="p95")
    def p95(self, rollup: MinuteRollup) -> str:
        """95th percentile of the successful rows."""
        return quantile(rollup, 0.95)


def quantile(of: MinuteRollup | HistogramPoint, share: float) -> str:
    """A percentile of its successful values; "≈" where they came in other buckets than ours."""
    stored = (of.hist_scale, of.hist_zero, of.hist_idx, of.hist_cnt, of.value_min, of.value_max)
    value = merge([stored]).quantile(share)
    told = formats.measure(value, of.measurement_unit)
    return f"≈{formats.NBSP}{told}" if of.approximate and value is not None else told
