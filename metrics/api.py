"""``/api/v1/metrics/``: POST stores rows (ingest.api), GET reads them back, newest first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accounts.models import ApiKey, Client
from metrics.ingest.api import IngestView
from metrics.models import Complexity, PerformanceMetric


class RowFilter(django_filters.FilterSet):
    """Every filter is an exact match or a bound that an index serves."""

    metric_name = django_filters.CharFilter()
    component = django_filters.CharFilter()
    service_name = django_filters.CharFilter()
    client = django_filters.CharFilter(method="of_client", help_text="A client's code.")
    query_complexity = django_filters.ChoiceFilter(choices=Complexity.choices)
    request_id = django_filters.CharFilter()
    success = django_filters.BooleanFilter()
    synthetic = django_filters.BooleanFilter()
    since = django_filters.IsoDateTimeFilter(field_name="timestamp", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="timestamp", lookup_expr="lt")

    class Meta:
        model = PerformanceMetric
        fields: list[str] = []

    def of_client(
        self,
        queryset: QuerySet[PerformanceMetric],
        name: str,  # noqa: ARG002
        value: str,
    ) -> QuerySet[PerformanceMetric]:
        """By id: through a join, the newest rows of all clients are read to find a rare one's."""
        ids = list(Client.objects.filter(code=value).values_list("pk", flat=True))
        return queryset.filter(client_id__in=ids)


class RowSerializer(serializers.ModelSerializer[PerformanceMetric]):
    """A stored row, with its client's code."""

    client = serializers.SlugRelatedField[PerformanceMetric](slug_field="code", read_only=True)
    client_id = serializers.IntegerField(read_only=True)
    user_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = PerformanceMetric
        exclude = ["user"]


class RowPagination(BasePagination):
    """A keyset: each page begins below the (timestamp, id) of the last row before it.

    So it stays right while rows arrive and however many share a timestamp. DRF's own
    cursor knows one column and counts off the rows that are equal in it, up to a
    thousand: from there on it goes in circles.
    """

    page_size = 100
    max_page_size = 1000

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:  # noqa: ARG002
        """One page; NotFound for a cursor that was never given."""
        size = self._size(request)
        rows = queryset.order_by("-timestamp", "-id")
        if text := request.query_params.get("cursor"):
            at, pk = _position(text)
            # The bound alone can use the index on time, an OR of both columns could not.
            rows = rows.filter(timestamp__lte=at).exclude(timestamp=at, id__gte=pk)
        page = list(rows[: size + 1])
        self._next: str | None = None
        if len(page) > size:
            page = page[:size]
            cursor = _cursor(page[-1])
            self._next = replace_query_param(request.build_absolute_uri(), "cursor", cursor)
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """The page, with the address of the next one, or null at the end."""
        return Response({"next": self._next, "results": data})

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        """What a page is asked for with, for the API's description."""
        size = {
            "type": "integer",
            "minimum": 1,
            "maximum": self.max_page_size,
            "default": self.page_size,
        }
        cursor = {"type": "string", "description": "From the next link of the page before."}
        named = {"cursor": cursor, "page_size": size}
        return [
            {"name": name, "in": "query", "required": False, "schema": form}
            for name, form in named.items()
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A page, for the API's description."""
        following = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "The next page's address; null on the last.",
        }
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": following, "results": schema},
        }

    def _size(self, request: Request) -> int:
        asked = request.query_params.get("page_size", "")
        size = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
        return min(size, self.max_page_size) or self.page_size


def _cursor(row: PerformanceMetric) -> str:
    """PURE: the row's place, as text that an address can hold."""
    return urlsafe_b64encode(f"{row.timestamp.isoformat()} {row.pk}".encode()).decode()


def _position(cursor: str) -> tuple[datetime, int]:
    """PURE: the place that ``_cursor`` wrote."""
    try:
        stamp, _, pk = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        at, number = datetime.fromisoformat(stamp), int(pk)
    except ValueError:
        raise NotFound("Invalid cursor") from None
    if at.tzinfo is None or not 0 <= number < 2**63:
        raise NotFound("Invalid cursor")
    return at, number


class MetricsView(IngestView, ListAPIView[PerformanceMetric]):
    """Store rows and read them back."""

    scopes = {**IngestView.scopes, "GET": ApiKey.Scope.READ}
    serializer_class = RowSerializer
    filterset_class = RowFilter
    pagination_class = RowPagination

    def get(self, request: Request) -> Response:
        """A page of rows; a filter that does not exist is refused, not ignored."""
        known = {*RowFilter.base_filters, "cursor", "page_size"}
        if unknown := sorted(set(request.query_params) - known):
            raise ValidationError(f"Unknown parameter {unknown[0]}; known: {sorted(known)}.")
        return self.list(request)

    def get_queryset(self) -> QuerySet[PerformanceMetric]:
        """The rows of the key's client, or of all."""
        rows = PerformanceMetric.objects.select_related("client")
        key = self.request.auth
        if isinstance(key, ApiKey) and key.client_id is not None:
            return rows.filter(client_id=key.client_id)
        return rows
