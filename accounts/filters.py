"""Filters of admin lists that tell a person of no client that they may not see."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import visibility


class ClientFilter(admin.SimpleListFilter):
    """The clients that the person may see."""

    title = "client"
    parameter_name = "client"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Their clients."""
        clients = visibility.visible_clients(request.user)
        return [(str(pk), name) for pk, name in clients.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Rows of the client."""
        value = self.value() or ""
        return queryset.filter(client_id=int(value)) if value.isdigit() else queryset
