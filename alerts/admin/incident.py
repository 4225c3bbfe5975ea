"""Admin of incidents: what belongs together, whom it hits, and what happened, as one story."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import (
    Case,
    Count,
    Exists,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts import visibility
from alerts.admin import alert_rows, badges
from alerts.models import Alert, AlertEvent, Incident, Severity, Status
from metrics import formats
from metrics.admin.rows import ComponentFilter

MOST_ALERTS, MOST_EVENTS = 100, 300
_RANK = Case(
    *(When(alerts__severity=value, then=Value(rank)) for rank, value in enumerate(Severity.values)),
    default=Value(-1),
    output_field=IntegerField(),
)


class OpenFilter(admin.SimpleListFilter):
    """Open or closed."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Two."""
        return [("open", "Open"), ("closed", "Closed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:  # noqa: ARG002
        """Incidents of the state."""
        if self.value() is None:
            return queryset
        return queryset.filter(closed_at__isnull=self.value() == "open")


@dataclass(frozen=True)
class Step:
    """One entry of the common timeline."""

    kind: str
    label: str
    who: str
    at: datetime
    alert: str
    url: str
    note: str


@admin.register(Incident)
class IncidentAdmin(ModelAdmin):
    """Incidents open, grow and close by their alerts; nobody edits one."""

    change_form_template = "admin/alerts/incident.html"
    list_per_page = 50
    ordering = ["-opened_at"]
    list_display = ["title", "state", "gravest", "how_many", "hit", "opened_at", "lasted"]
    list_filter = [OpenFilter, ComponentFilter]
    search_fields = ["title"]

    class Media:
        css = {"all": ["aiosmon/noise.css"]}

    @display(description="State")
    def state(self, incident: Incident) -> SafeString:
        """Open or closed."""
        return _badge(incident)

    @display(description="Gravest", ordering="rank")
    def gravest(self, incident: Any) -> SafeString:
        """The worst severity of its alerts."""
        return badges.severity(Severity.values[max(incident.rank, 0)])

    @display(description="Alerts", ordering="alert_count")
    def how_many(self, incident: Any) -> str:
        """Open of all."""
        if incident.closed_at:
            return f"{incident.alert_count:,}"
        return f"{incident.open_count:,} of {incident.alert_count:,} open"

    @display(description="Clients", ordering="client_count")
    def hit(self, incident: Any) -> str:
        """How many are affected."""
        return f"{incident.client_count:,}"

    @display(description="Lasted")
    def lasted(self, incident: Incident) -> str:
        """From its opening to its end, or until now."""
        return formats.age((incident.closed_at or timezone.now()) - incident.opened_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        """Those with an alert that the person may see; of others' alerts nothing is counted."""
        found = super().get_queryset(request)
        visible = Q()
        if not visibility.sees_all(request.user):
            ids = list(visibility.visible_clients(request.user).values_list("pk", flat=True))
            visible = Q(alerts__client__in=ids)
            mine = Alert.objects.filter(incident=OuterRef("pk"), client__in=ids)
            found = found.filter(Exists(mine))
        return found.annotate(
            alert_count=Count("alerts", filter=visible),
            open_count=Count("alerts", filter=visible & ~Q(alerts__status=Status.RESOLVED)),
            client_count=Count("alerts__client", filter=visible, distinct=True),
            rank=Max(_RANK, filter=visible) if visible else Max(_RANK),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Alerts make them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Act on its alerts."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """It is history."""
        return False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The incident's page."""
        incident = self.get_object(request, object_id)
        extra = dict(extra_context or {})
        if incident is not None and self.has_view_permission(request, incident):
            extra |= _page(request, incident)
        return super().change_view(request, object_id, form_url, extra)


def _page(request: HttpRequest, incident: Any) -> dict[str, Any]:
    seen = visibility.limit(incident.alerts.all(), request.user)
    alerts = list(seen.select_related("client").defer("evidence").order_by("created_at", "pk"))
    events = (
        AlertEvent.objects.filter(alert__in=[alert.pk for alert in alerts])
        .select_related("alert", "actor")
        .order_by("-at", "-pk")[:MOST_EVENTS]
    )
    return {
        "title": str(incident),
        "incident": incident,
        "badge": _badge(incident),
        "gravest": badges.severity(Severity.values[max(incident.rank, 0)]),
        "lasted": formats.age((incident.closed_at or timezone.now()) - incident.opened_at),
        "rows": [alert_rows.row(alert) for alert in alerts[:MOST_ALERTS]],
        "more": max(len(alerts) - MOST_ALERTS, 0),
        "clients": _clients(alerts),
        "components": sorted({alert.component.replace("_", " ") for alert in alerts}),
        "steps": [_step(event) for event in events],
        "hidden": incident.alerts.count() - len(alerts),
    }


def _clients(alerts: list[Alert]) -> list[tuple[str, int, int]]:
    """Name, open alerts, all alerts; most first."""
    found: dict[str, list[int]] = {}
    for alert in alerts:
        counts = found.setdefault(alert.client.name, [0, 0])
        counts[0] += alert.status != Status.RESOLVED
        counts[1] += 1
    rows = [(name, still_open, count) for name, (still_open, count) in found.items()]
    return sorted(rows, key=lambda row: (-row[1], -row[2], row[0]))


def _step(event: AlertEvent) -> Step:
    return Step(
        kind=event.kind,
        label=AlertEvent.Kind(event.kind).label,
        who=str(event.actor or event.agent or "the portal"),
        at=event.at,
        alert=str(event.alert),
        url=reverse("admin:alerts_alert_change", args=[event.alert_id]),
        note=event.note,
    )


def _badge(incident: Incident) -> SafeString:
    level, text = ("ok", "Closed") if incident.closed_at else ("firing", "Open")
    return format_html('<span class="aio-badge aio-badge--{}">{}</span>', level, text)
