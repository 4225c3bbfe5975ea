"""Admin of alerts: a list, worst first, and a page to understand and triage one."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, Value, When
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin import ReadOnlyAdmin
from accounts.filters import ClientFilter
from accounts.models import User
from alerts.admin import badges, page
from alerts.admin.filters import StatusFilter
from alerts.figures import comparison
from alerts.models import Alert, Severity, Status
from alerts.triage import lifecycle
from metrics import formats
from metrics.admin.rows import ComponentFilter

TRIAGE = "alerts.triage_alert"
NOTE_LENGTH = 2000
ACTIONS: dict[str, Callable[..., Alert]] = {
    "acknowledge": lifecycle.acknowledge,
    "resolve": lifecycle.resolve,
}
DONE = {"acknowledge": "acknowledged", "resolve": "resolved"}

CLOSED = Case(When(status=Status.RESOLVED, then=1), default=0, output_field=IntegerField())
GRAVITY = Case(
    *(When(severity=value, then=Value(rank)) for rank, value in enumerate(Severity.values)),
    default=Value(-1),
    output_field=IntegerField(),
)


class TriageForm(forms.Form):
    """What a person sends with an action: the version they saw, and why they act."""

    version = forms.IntegerField(min_value=1)
    note = forms.CharField(required=False, max_length=NOTE_LENGTH)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Nobody edits an alert: people acknowledge and resolve it, the portal does the rest."""

    change_form_template = "admin/alerts/alert_page.html"
    list_per_page = 50
    ordering = [CLOSED.asc(), GRAVITY.desc(), "-created_at"]
    list_display = ["graded", "state", "what", "for_client", "component", "numbers", "age", "count"]
    # The first column too: on a phone unfold would label a plain one "Select record".
    list_display_links = ["graded", "what"]
    list_filter = [
        StatusFilter,
        ("severity", admin.ChoicesFieldListFilter),
        ("alert_type", admin.ChoicesFieldListFilter),
        ComponentFilter,
        ClientFilter,
    ]
    list_select_related = ["client"]
    search_fields = ["objective", "alert_message", "metric_name", "model", "client__name"]
    search_help_text = "Objective, message, metric, model or client."

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
        return str(alert)

    @display(description="Client", ordering="client__name")
    def for_client(self, alert: Alert) -> str:
        """Whose promise it is."""
        return alert.client.name

    @display(description="Measured / promised")
    def numbers(self, alert: Alert) -> str:
        """The two figures with their unit."""
        return comparison(alert)

    @display(description="Age", ordering="-created_at")
    def age(self, alert: Alert) -> str:
        """Time since it opened."""
        return formats.age(timezone.now() - alert.created_at)

    @display(description="Breaches", ordering="breaches")
    def count(self, alert: Alert) -> str:
        """How many evaluations found it."""
        return f"{alert.breaches:,}"

    def get_urls(self) -> list[URLPattern]:
        """The two actions, before the admin's own addresses."""
        own = [
            path(
                f"<int:alert_id>/{action}/",
                self.admin_site.admin_view(self.act),
                {"action": action},
                name=f"alerts_alert_{action}",
            )
            for action in ACTIONS
        ]
        return [*own, *super().get_urls()]

    def act(self, request: HttpRequest, alert_id: int, action: str) -> HttpResponse:
        """Acknowledge or resolve, by POST alone, and return to the alert's page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user = request.user
        if not isinstance(user, User) or not user.has_perm(TRIAGE):
            raise PermissionDenied
        if not self.get_queryset(request).filter(pk=alert_id).exists():
            raise Http404(f"There is no alert {alert_id}.")
        self._carry_out(request, user, alert_id, action)
        return HttpResponseRedirect(reverse("admin:alerts_alert_change", args=[alert_id]))

    def _carry_out(self, request: HttpRequest, user: User, alert_id: int, action: str) -> None:
        form = TriageForm(request.POST)
        if not form.is_valid():
            problems = " ".join(f"{name}: {text[0]}" for name, text in form.errors.items())
            self.message_user(request, f"Nothing was changed. {problems}", messages.ERROR)
            return
        note = form.cleaned_data["note"]
        try:
            ACTIONS[action](
                alert_id, acting_user=user, version=form.cleaned_data["version"], note=note
            )
        except lifecycle.Refused as refused:
            # What the person wrote would otherwise be lost with the refusal.
            kept = f" Your note was not saved: “{note}”" if note else ""
            self.message_user(request, f"{refused}{kept}", messages.ERROR)
        else:
            done = f"Alert #{alert_id} is {DONE[action]}."
            self.message_user(request, done, messages.SUCCESS)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The alert's page: head, figures, evidence, timeline, and what may be done now."""
        alert = self.get_object(request, object_id)
        extra = dict(extra_context or {})
        if alert is not None and self.has_view_permission(request, alert):
            may_act = request.user.has_perm(TRIAGE)
            extra |= {
                "title": str(alert),
                "alert_page": page.of(alert, timezone.now()),
                "actions": [a for a in lifecycle.legal_actions(alert.status) if a in ACTIONS]
                if may_act
                else [],
                "note_length": NOTE_LENGTH,
                "grace_seconds": settings.RESOLVE_GRACE_SECONDS,
            }
        return super().change_view(request, object_id, form_url, extra)
