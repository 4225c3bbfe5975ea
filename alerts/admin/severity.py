"""Admin of the severity table, with what it makes of the alerts there are."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET
from unfold.decorators import display

from accounts import visibility
from accounts.admin.base import GlobalAdmin
from alerts.admin import badges
from alerts.admin.unsaved import Context, UnsavedPreview
from alerts.models import Alert, Severity, SeverityRule
from alerts.raising import severity
from alerts.triage import lifecycle

DAYS = 30
MOST, MOST_LISTED = 2000, 50


@admin.register(SeverityRule)
class SeverityRuleAdmin(UnsavedPreview, GlobalAdmin):
    """The rows in order; the first that fits decides."""

    list_display = ["position", "fits", "graded", "note", "enabled"]
    list_display_links = ["position", "fits"]
    list_filter = ["enabled", ("severity", admin.ChoicesFieldListFilter)]
    list_before_template = "admin/alerts/severity_head.html"
    preview_page = "admin/alerts/severity_preview.html"
    preview_title = "What the table would make of the alerts"
    preview_words = (
        f"The open alerts and those of the last {DAYS} days, graded with this row as it stands "
        "above. Nothing is saved."
    )
    fieldsets = [
        (None, {"fields": ["position", "enabled", "note"]}),
        ("Which alerts", {"fields": ["alert_type", "tier", "criticality"]}),
        (
            "How far the promise is missed",
            {
                "fields": ["least_burn", "least_excess", "least_shortfall", "least_stars"],
                "description": "All empty: however far. Otherwise an alert's own measure must "
                "reach its bound.",
            },
        ),
        ("Then it is", {"fields": ["severity"]}),
    ]

    @display(description="Fits")
    def fits(self, row: SeverityRule) -> str:
        """The condition in words."""
        return row.condition()

    @display(description="Severity", ordering="severity")
    def graded(self, row: SeverityRule) -> SafeString:
        """As a badge."""
        return badges.severity(row.severity)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new row goes behind the last."""
        last = SeverityRule.objects.order_by("-position").first()
        position = last.position + 10 if last else 10
        return {"position": position, **super().get_changeform_initial_data(request)}

    def get_urls(self) -> list[URLPattern]:
        """With the page of the table as it is stored."""
        view = self.admin_site.admin_view(require_GET(self.preview_stored))
        return [path("preview/", view, name="alerts_severityrule_table"), *super().get_urls()]

    def preview_stored(self, request: HttpRequest) -> HttpResponse:
        """What the stored table makes of the alerts."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"title": self.preview_title, **self.admin_site.each_context(request)}
        context |= regraded(request, severity.table())
        return TemplateResponse(request, self.preview_page, context)

    def preview_of(self, request: HttpRequest, instance: Any) -> Context:
        """With the unsaved row in its place."""
        rows = [one for one in severity.table() if one.pk != instance.pk]
        if instance.enabled:
            rows.append(instance)
        return regraded(request, sorted(rows, key=lambda one: one.position))


def regraded(request: HttpRequest, rows: Sequence[SeverityRule]) -> Context:
    """The person's alerts by their severity now and by these rows, and those that would change."""
    since = timezone.now() - timedelta(days=DAYS)
    recent = Q(status__in=lifecycle.OPEN) | Q(created_at__gte=since)
    alerts = visibility.limit(Alert.objects.filter(recent), request.user)
    newest = alerts.select_related("client").order_by("-created_at")[:MOST]
    found = severity.regraded(newest, rows)
    known = [(alert, graded) for alert, graded in found if graded]
    counts = Counter((alert.severity, graded.severity.value) for alert, graded in known)
    levels = [Severity(value) for value in reversed(Severity.values)]
    changed = [(alert, graded) for alert, graded in known if graded.severity != alert.severity]
    return {
        "days": DAYS,
        "levels": [badges.severity(level.value) for level in levels],
        "matrix": [
            (
                badges.severity(before.value),
                [(counts[before.value, after.value], before == after) for after in levels],
            )
            for before in levels
        ],
        "total": len(known),
        "unknown": len(found) - len(known),
        "most": MOST if len(found) == MOST else None,
        "changed": [
            {
                "alert": alert,
                "before": badges.severity(alert.severity),
                "after": badges.severity(graded.severity),
                "reason": graded.reason,
            }
            for alert, graded in changed[:MOST_LISTED]
        ],
        "more": max(0, len(changed) - MOST_LISTED),
    }
