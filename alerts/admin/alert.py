"""Admin of alerts: an inbox, worst first, and a page to understand and triage one."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.templatetags.unfold_list import result_headers

from accounts.filters import ClientFilter
from alerts.admin import badges, inbox, page
from alerts.admin.bulk import BulkActions
from alerts.admin.filters import (
    FlappingFilter,
    IncidentFilter,
    SourceFilter,
    StatusFilter,
    TeamFilter,
)
from alerts.admin.inbox import GRAVITY, ORDER, InboxChangeList
from alerts.models import Alert
from metrics import formats
from metrics.admin.rows import ComponentFilter


@admin.register(Alert)
class AlertAdmin(BulkActions):
    """Nobody edits an alert: people triage it, the portal does the rest."""

    change_list_template = "admin/alerts/inbox.html"
    list_per_page = 50
    show_full_result_count = False
    ordering = ORDER
    # The columns that can be sorted by; the template draws the rows itself.
    list_display = ["graded", "state", "what", "for_client", "age", "owner"]
    list_filter = [
        StatusFilter,
        ("severity", admin.ChoicesFieldListFilter),
        ("alert_type", admin.ChoicesFieldListFilter),
        ComponentFilter,
        ClientFilter,
        TeamFilter,
        IncidentFilter,
        FlappingFilter,
        SourceFilter,
    ]
    list_select_related = ["client", "assignee", "team"]
    search_fields = [
        *("objective", "alert_message", "metric_name", "model", "labels__alertname"),
        *("client__name", "client__code"),
        *("assignee__username", "assignee__first_name", "assignee__last_name"),
    ]
    search_help_text = "Objective, message, metric, client, person or #number"
    actions = ["acknowledge_many", "assign_many", "silence_many", "resolve_many"]

    @display(description="Severity", ordering=GRAVITY)
    def graded(self, alert: Alert) -> SafeString:
        """How bad it is."""
        return badges.severity(alert.severity)

    @display(description="Status", ordering="status")
    def state(self, alert: Alert) -> SafeString:
        """Where it is in its life."""
        return badges.status(alert.status)

    @display(description="What", ordering="objective")
    def what(self, alert: Alert) -> str:
        """The broken promise."""
        return page.title(alert)

    @display(description="Client", ordering="client__name")
    def for_client(self, alert: Alert) -> str:
        """Whose promise it is."""
        return alert.client.name

    @display(description="Age", ordering="-created_at")
    def age(self, alert: Alert) -> str:
        """Time since it opened."""
        return formats.age(timezone.now() - alert.created_at)

    @display(description="Owner", ordering="assignee__username")
    def owner(self, alert: Alert) -> str:
        """Who has it."""
        return str(alert.assignee or "")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[InboxChangeList]:  # noqa: ARG002
        """The list with tabs."""
        return InboxChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Alert], search_term: str
    ) -> tuple[QuerySet[Alert], bool]:
        """ "#12" is the alert of that number."""
        number = search_term.strip().removeprefix("#")
        if search_term.strip().startswith("#") and number.isdecimal() and len(number) < 10:
            return queryset.filter(pk=int(number)), False
        return super().get_search_results(request, queryset, search_term)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The inbox."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            changelist, now = context["cl"], timezone.now()
            menus = inbox.menus(changelist)
            context |= {
                "inbox_rows": [inbox.row(alert, now) for alert in changelist.result_list],
                "headers": dict(
                    zip(changelist.list_display, result_headers(changelist), strict=True)
                ),
                "inbox_filters": menus,
                "filters_active": any(menu.active for menu in menus),
                "bulk_actions": [
                    (name, description)
                    for name, (_call, _name, description) in self.get_actions(request).items()
                ],
            }
        return response
