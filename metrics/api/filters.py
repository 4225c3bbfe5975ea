"""Filters that several lists have."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from accounts.models import Client


class OfClient(django_filters.FilterSet):
    """Of one client, by its code."""

    client = django_filters.CharFilter(method="of_client", help_text="A client's code.")

    def of_client(
        self,
        queryset: QuerySet[Any],
        name: str,  # noqa: ARG002
        value: str,
    ) -> QuerySet[Any]:
        """By id: through a join, the newest rows of all clients are read to find a rare one's."""
        ids = list(Client.objects.filter(code=value).values_list("pk", flat=True))
        return queryset.filter(client_id__in=ids)
