"""Admin of routes: which alerts are told on which channels."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import visibility
from accounts.admin import GlobalAdmin
from alerts import matching
from alerts.admin.matcher_lines import MatchersField
from alerts.models import Channel, Route, Severity
from slas import terms
from slas.admin.contracts import LinesField


class RouteForm(forms.ModelForm):
    """A route as people write it."""

    matchers = MatchersField()
    hours = LinesField(
        terms.parse_hours,
        terms.hours_text,
        label="Hours",
        help_text="Outside them messages wait for the next begin. One span a line: "
        "Mon–Fri 08:00–18:00. Empty: around the clock.",
    )
    channels = forms.ModelMultipleChoiceField(
        queryset=Channel.objects.filter(for_people=False),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="The channel for mails to single people is not among them: who is told there "
        "follows from assignments, mentions and escalations.",
    )

    class Meta:
        model = Route
        fields = "__all__"  # noqa: DJ007  # all that is in the model is set here

    def clean(self) -> dict[str, Any]:
        """A digest of what is never told would never come."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        ranks = list(Severity.values)
        floor, most = data.get("severity_floor"), data.get("digest_up_to")
        if data.get("digest_minutes") and floor and most and ranks.index(most) < ranks.index(floor):
            text = f"Nothing below {floor} is told on this route: the digest would stay empty."
            raise ValidationError({"digest_up_to": text})
        return data


@admin.register(Route)
class RouteAdmin(GlobalAdmin):
    """Asked in their order; the first that fits decides, unless it goes on."""

    form = RouteForm
    list_display = ["position", "name", "state", "what", "floor", "tells", "when", "then"]
    list_display_links = ["name"]
    list_filter = ["enabled", "severity_floor", ("team", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["team"]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": ["name", "position", "enabled", "goes_on"]}),
        ("Which alerts", {"fields": ["matchers", "team", "severity_floor"]}),
        ("Whom to tell", {"fields": ["channels", "notify_resolved"]}),
        ("When", {"fields": ["hours", "time_zone", "digest_minutes", "digest_up_to"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        """With the channels."""
        return super().get_queryset(request).prefetch_related("channels")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Matchers name clients: routes are for who sees all of them."""
        return super().has_view_permission(request, obj) and visibility.sees_all(request.user)

    @display(description="State", label={"On": "success", "Off": "warning"}, ordering="enabled")
    def state(self, route: Route) -> str:
        """Whether it is asked."""
        return "On" if route.enabled else "Off"

    @display(description="Alerts")
    def what(self, route: Route) -> str:
        """The matchers, and the team."""
        team = f", of {route.team}" if route.team else ""
        return matching.in_words(route.matchers) + team

    @display(description="From", ordering="severity_floor")
    def floor(self, route: Route) -> str:
        """The least severity."""
        return Severity(route.severity_floor).label

    @display(description="Channels")
    def tells(self, route: Route) -> str:
        """Where it leads."""
        return ", ".join(str(channel) for channel in route.channels.all()) or "–"

    @display(description="When")
    def when(self, route: Route) -> str:
        """Hours and digest in one line."""
        hours = terms.hours_text(route.hours).replace("\n", ", ")
        text = f"{hours} ({route.time_zone})" if hours else "always"
        if route.digest_minutes:
            gathered = Severity(route.digest_up_to).label.lower()
            text += f"; up to {gathered} as a digest every {route.digest_minutes} min"
        return text

    @display(description="Then", ordering="goes_on")
    def then(self, route: Route) -> str:
        """Whether the routes after it are asked too."""
        return "goes on" if route.goes_on else "ends"
