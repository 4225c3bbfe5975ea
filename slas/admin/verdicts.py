"""Admin of the verdicts."""

from typing import Any

from django.contrib import admin
from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Concat
from django.http import HttpRequest
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnlyAdmin
from accounts.filters import ClientFilter
from metrics import formats
from slas import names
from slas.models import ResourceLimit, Verdict


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    """What evaluation found, minute by minute."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    list_display = ["window_end", "what", "client", "outcome", "measured", "promised", "total"]
    list_filter = ["status", ClientFilter]
    list_select_related = ["client"]
    search_fields = ["objective"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verdict]:
        """Verdicts with the unit of the limit that they are on, if they are on one."""
        key = Concat(Value("limit:"), "component", Value(":"), "name", output_field=CharField())
        limits = ResourceLimit.objects.annotate(key=key).filter(key=OuterRef("objective"))
        unit = Coalesce(Subquery(limits.values("unit")[:1]), Value(""))
        return super().get_queryset(request).annotate(limit_unit=unit)

    @display(description="Objective", ordering="objective")
    def what(self, verdict: Verdict) -> str:
        """The objective in words."""
        return names.in_words(verdict.objective)

    @display(
        description="Verdict",
        label={
            "OK": "success",
            "Breach": "danger",
            "At risk": "warning",
            "Insufficient data": "warning",
            "No data": "danger",
            "Excluded": "info",
        },
    )
    def outcome(self, verdict: Verdict) -> str:
        """The verdict in words."""
        return Verdict.Status(verdict.status).label

    @display(description="Measured")
    def measured(self, verdict: Any) -> str:
        """What was measured; without the exact figure the share of good events."""
        if verdict.actual is None and verdict.good is not None and verdict.total:
            return formats.share(verdict.good, verdict.total)
        return formats.measure(verdict.actual, names.unit_of(verdict.objective, verdict.limit_unit))

    @display(description="Promised")
    def promised(self, verdict: Any) -> str:
        """What was promised."""
        unit = names.unit_of(verdict.objective, verdict.limit_unit)
        return formats.measure(verdict.threshold, unit)
