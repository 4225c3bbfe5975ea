"""The alert list's own filters; none of them reads the alerts to list its choices."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from alerts.models import Alert, Status
from alerts.triage.lifecycle import OPEN


class StatusFilter(admin.SimpleListFilter):
    """One status, or all that are open."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Open first: it is what people look for."""
        return [("open", "Open"), *((value, str(label)) for value, label in Status.choices)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:  # noqa: ARG002
        """Alerts of the chosen status."""
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(status__in=OPEN if value == "open" else [value])
