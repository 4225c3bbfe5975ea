"""``/api/v1/metrics/``: POST stores rows (ingest.api), GET reads them back, newest first."""

import django_filters
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey
from metrics.ingest.api import IngestView
from metrics.models import Complexity, PerformanceMetric


class RowFilter(django_filters.FilterSet):
    """Every filter is an exact match or a bound that an index serves."""

    metric_name = django_filters.CharFilter()
    component = django_filters.CharFilter()
    service_name = django_filters.CharFilter()
    client = django_filters.CharFilter(field_name="client__code")
    query_complexity = django_filters.ChoiceFilter(choices=Complexity.choices)
    request_id = django_filters.CharFilter()
    success = django_filters.BooleanFilter()
    synthetic = django_filters.BooleanFilter()
    since = django_filters.IsoDateTimeFilter(field_name="timestamp", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="timestamp", lookup_expr="lt")

    class Meta:
        model = PerformanceMetric
        fields: list[str] = []


class RowSerializer(serializers.ModelSerializer[PerformanceMetric]):
    """A stored row, with its client's code."""

    client = serializers.SlugRelatedField[PerformanceMetric](slug_field="code", read_only=True)
    client_id = serializers.IntegerField(read_only=True)
    user_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = PerformanceMetric
        exclude = ["user"]


class RowPagination(CursorPagination):
    """A cursor stays right while new rows arrive, and never counts them."""

    ordering = ("-timestamp", "-id")
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor; NotFound for one whose position is no time, which the query would trip on."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                parsed = parse_datetime(str(cursor.position))
            except ValueError:
                parsed = None
            if parsed is None:
                raise NotFound(self.invalid_cursor_message)
        return cursor


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
