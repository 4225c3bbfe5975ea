"""The inbox's own filters; none of them reads the alerts to list its choices."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import Team
from alerts.models import Alert, AlertType, Status
from alerts.triage.lifecycle import OPEN

EVERY = "all"


class StatusFilter(admin.SimpleListFilter):
    """What is open, unless something else is asked for: that is what people come for."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The open ones together, each status, and all."""
        single = [(value, str(label)) for value, label in Status.choices]
        return [("open", "Open"), *single, (EVERY, "Open and resolved")]

    def value(self) -> str:
        """The chosen one; "open" where nothing that exists was chosen."""
        asked = super().value()
        return asked if asked in {*Status.values, EVERY} else "open"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:  # noqa: ARG002
        """Alerts of the chosen status."""
        value = self.value()
        if value == EVERY:
            return queryset
        return queryset.filter(status__in=OPEN if value == "open" else [value])

    def choices(self, changelist: Any) -> Iterator[Any]:
        """As ever, but without Django's "All" on top: the default is another."""
        for value, label in self.lookup_choices:
            query = (
                changelist.get_query_string(remove=[self.parameter_name])
                if value == "open"
                else changelist.get_query_string({self.parameter_name: value})
            )
            yield {"selected": self.value() == value, "query_string": query, "display": label}


class TeamFilter(admin.SimpleListFilter):
    """Whose team has it."""

    title = "team"
    parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Every team, and none."""
        teams = [(str(pk), name) for pk, name in Team.objects.values_list("pk", "name")]
        return [*teams, ("none", "No team")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:  # noqa: ARG002
        """Alerts of the team."""
        value = self.value() or ""
        if value == "none":
            return queryset.filter(team=None)
        return queryset.filter(team_id=int(value)) if value.isdecimal() else queryset


class FlappingFilter(admin.SimpleListFilter):
    """Those that change all the time, or those that don't."""

    title = "flapping"
    parameter_name = "flapping"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Yes or no."""
        return [("yes", "Flapping"), ("no", "Not flapping")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:  # noqa: ARG002
        """By the flag."""
        value = self.value()
        return queryset if value is None else queryset.filter(flapping=value == "yes")


class SourceFilter(admin.SimpleListFilter):
    """Found here, or told by another system."""

    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Ours or theirs."""
        return [("own", "Found by the portal"), ("external", "From another system")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:  # noqa: ARG002
        """By the type."""
        foreign = Q(alert_type=AlertType.EXTERNAL)
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(foreign if value == "external" else ~foreign)


class IncidentFilter(admin.SimpleListFilter):
    """Those of one incident (?incident=7), of any, or of none."""

    title = "incident"
    parameter_name = "incident"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """In one or not; the one that was asked for by its number."""
        asked = request.GET.get(self.parameter_name, "")
        one = [(asked, f"Incident #{asked}")] if asked.isdecimal() else []
        return [*one, ("any", "In an incident"), ("none", "In no incident")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:  # noqa: ARG002
        """Alerts of the incident."""
        value = self.value() or ""
        if value in {"any", "none"}:
            return queryset.filter(incident__isnull=value == "none")
        return queryset.filter(incident_id=int(value)) if value.isdecimal() else queryset
