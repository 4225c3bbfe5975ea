"""Admin of what /v1/metrics keeps: to look at, never to change."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnlyAdmin
from accounts.filters import ClientFilter
from metrics import formats
from metrics.admin.rows import ComplexityFilter, ComponentFilter, MinuteSpanFilter, quantile
from metrics.models import HistogramPoint, OtlpSeries

NS_PER_MICROSECOND = 1000


@admin.register(HistogramPoint)
class HistogramPointAdmin(ReadOnlyAdmin):
    """Histogram points, newest first."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    ordering = ["-id"]
    list_display = [
        "minute",
        "metric_name",
        "service_name",
        "client",
        "model",
        "total",
        "failed",
        "p50",
        "p95",
    ]
    list_filter = [MinuteSpanFilter, ComponentFilter, ComplexityFilter, ClientFilter]
    list_select_related = ["client"]
    search_fields = ["=metric_name", "=service_name", "=model"]
    search_help_text = "An exact metric, service or model name."
    readonly_fields = ["failed", "p50", "p95"]
    fieldsets = [
        (None, {"fields": ["metric_name", "minute", "client", "component", "service_name"]}),
        ("Calls", {"fields": ["model", "query_complexity", "total", "failed"]}),
        (
            "Values",
            {
                "fields": [
                    *("p50", "p95", "value_min", "value_max", "value_sum", "measurement_unit"),
                    "approximate",
                ]
            },
        ),
        ("Buckets", {"fields": ["hist_scale", "hist_zero", "hist_idx", "hist_cnt"]}),
        ("As it came", {"fields": ["series", "start_nano", "time_nano"]}),
    ]

    @display(description="Failed")
    def failed(self, point: HistogramPoint) -> int:
        """Calls with an error."""
        return point.total - point.succeeded

    @display(description="p50")
    def p50(self, point: HistogramPoint) -> str:
        """Median."""
        return quantile(point, 0.5)

    @display(description="p95")
    def p95(self, point: HistogramPoint) -> str:
        """95th percentile."""
        return quantile(point, 0.95)


@admin.register(OtlpSeries)
class OtlpSeriesAdmin(ReadOnlyAdmin):
    """Cumulative series, the latest known first."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ["-id"]
    list_display = [
        "metric_name",
        "component",
        "service_name",
        "client",
        "began",
        "updated_at",
        "so_far",
    ]
    list_filter = [ComponentFilter, ClientFilter]
    list_select_related = ["client"]
    search_fields = ["=metric_name", "=service_name"]
    search_help_text = "An exact metric or service name."
    readonly_fields = ["began", "so_far"]
    fieldsets = [
        (None, {"fields": ["metric_name", "client", "component", "service_name"]}),
        ("How far it has come", {"fields": ["began", "updated_at", "so_far"]}),
        ("As it came", {"fields": ["series", "start_nano", "last"]}),
    ]

    @display(description="Began")
    def began(self, series: OtlpSeries) -> datetime | None:
        """When its process says that it began to count; None if it doesn't say."""
        if not series.start_nano:
            return None
        return datetime.fromtimestamp(series.start_nano // NS_PER_MICROSECOND / 1e6, UTC)

    @display(description="So far")
    def so_far(self, series: OtlpSeries) -> str:
        """The last value, of a histogram its count."""
        last: Any = (series.last or {}).get("value")
        return formats.number(last["total"] if isinstance(last, dict) else last)
