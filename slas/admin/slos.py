"""Admin of the objectives over time, and of what was counted for them. Read-only."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnlyAdmin
from accounts.filters import ClientFilter
from metrics import formats
from slas import names
from slas.models import SliHour, SliMinute, Slo, SloVersion
from slas.objectives import Kind, Objective


class VersionInline(TabularInline):
    """What was promised when, and why it changed."""

    model = SloVersion
    fields = ["number", "promised", "valid_from", "valid_until", "reason", "changed_by"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    verbose_name_plural = "Versions"

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        """Versions follow from editing the promise."""
        return False

    @display(description="Promised")
    def promised(self, version: SloVersion) -> str:
        """The version's numbers in words."""
        return in_words(version)


@admin.register(Slo)
class SloAdmin(ReadOnlyAdmin):
    """Objectives, each with its versions."""

    list_display = ["what", "client", "now", "created_at"]
    list_filter = [ClientFilter]
    list_select_related = ["client"]
    search_fields = ["base"]
    fields = ["base", "client", "created_at"]
    inlines = [VersionInline]
    shared_rows = True

    def get_queryset(self, request: HttpRequest):  # type: ignore[no-untyped-def]
        """With the versions in force."""
        return super().get_queryset(request).prefetch_related("versions")

    @display(description="Objective", ordering="base")
    def what(self, slo: Slo) -> str:
        """The objective in words."""
        return names.in_words(slo.base)

    @display(description="Promised now")
    def now(self, slo: Slo) -> str:
        """The numbers in force."""
        in_force = [version for version in slo.versions.all() if version.valid_until is None]
        return in_words(in_force[0]) if in_force else "–"


class _CountedAdmin(ReadOnlyAdmin):
    """What was counted, newest first, without counting the list."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_filter = [ClientFilter]
    list_select_related = ["client", "slo"]

    @display(description="Objective")
    def what(self, counted: SliMinute | SliHour) -> str:
        """The objective in words."""
        return names.in_words(counted.slo.base)


@admin.register(SliMinute)
class SliMinuteAdmin(_CountedAdmin):
    """Minutes."""

    list_display = ["minute", "what", "client", "good", "total"]
    ordering = ["-minute"]


@admin.register(SliHour)
class SliHourAdmin(_CountedAdmin):
    """Hours."""

    list_display = ["hour", "what", "client", "good", "total"]
    ordering = ["-hour"]


def in_words(version: SloVersion | Objective) -> str:
    """What a version, or an objective as it is now, promises, in one line."""
    if version.kind == Kind.SATISFACTION:
        return f"≥ {version.threshold:g} of 5"
    if version.kind == Kind.LIMIT:
        return f"≤{formats.NBSP}{formats.measure(version.threshold, version.unit)}"
    if version.kind == Kind.AT_LEAST:
        return f"≥{formats.NBSP}{formats.measure(version.threshold, version.unit)}"
    within = formats.measure(version.good_within, version.unit)
    return f"{version.share:g} % within {within}"
