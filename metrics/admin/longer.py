"""Admin of roll-ups by hour and day: to look at, never to change, never to count."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts import visibility
from accounts.admin import ReadOnlyAdmin
from accounts.filters import ClientFilter
from metrics import formats
from metrics.admin.rows import ComplexityFilter, ComponentFilter
from metrics.models import DayRollup, HourRollup, MetricHour

Longer = HourRollup | DayRollup | MetricHour


class _LongerAdmin(ReadOnlyAdmin):
    """Those summed up last come first: that order has an index."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    ordering = ["-id"]
    search_fields = ["=metric_name"]
    search_help_text = "An exact metric name."
    # Bytes that nobody can read.
    exclude = ["hist_scale", "hist_low", "hist_counts"]

    @display(description="Failed")
    def failed(self, rollup: Longer) -> int:
        """Rows without success."""
        return rollup.total - rollup.succeeded

    @display(description="p50")
    def median(self, rollup: Longer) -> str:
        """Median of the successful rows."""
        return _told(rollup, rollup.p50)

    @display(description="p95")
    def most(self, rollup: Longer) -> str:
        """95th percentile of the successful rows."""
        return _told(rollup, rollup.p95)


class _SeriesAdmin(_LongerAdmin):
    list_filter = [ComponentFilter, ComplexityFilter, ClientFilter]
    list_select_related = ["client"]
    search_fields = ["=metric_name", "=model"]
    search_help_text = "An exact metric or model name."

    @display(description="Complexity")
    def complexity(self, rollup: HourRollup | DayRollup) -> str:
        """How much work the queries asked for."""
        return rollup.query_complexity.capitalize() or "–"


_COLUMNS = ["metric_name", "component", "client", "complexity", "model", "total"]


@admin.register(HourRollup)
class HourRollupAdmin(_SeriesAdmin):
    """Hours of a series."""

    list_display = ["hour", *_COLUMNS, "failed", "median", "most"]


@admin.register(DayRollup)
class DayRollupAdmin(_SeriesAdmin):
    """Days of a series."""

    list_display = ["day", *_COLUMNS, "failed", "median", "most"]


@admin.register(MetricHour)
class MetricHourAdmin(_LongerAdmin):
    """Hours of a metric, over all clients: for who may see them all."""

    list_display = ["hour", "metric_name", "total", "failed", "median", "most"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MetricHour]:
        """None of them to others."""
        everything = MetricHour.objects.order_by(*self.ordering)
        return everything if visibility.sees_all(request.user) else everything.none()

    def has_view_permission(self, request: HttpRequest, obj: MetricHour | None = None) -> bool:
        """With the permission, and every client in sight."""
        return super().has_view_permission(request, obj) and visibility.sees_all(request.user)


def _told(rollup: Longer, value: float | None) -> str:
    """A percentile; "≈" where its values came in other buckets than ours."""
    told = formats.measure(value, rollup.measurement_unit)
    return f"≈{formats.NBSP}{told}" if rollup.approximate and value is not None else told
