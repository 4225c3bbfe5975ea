"""``/api/v1/metrics/``: POST stores rows (ingest.api), GET reads them back, newest first."""

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers

from accounts.models import ApiKey
from metrics.api.filters import OfClient
from metrics.api.paging import KeyedList, RowPagination
from metrics.ingest.api import IngestView
from metrics.models import Complexity, PerformanceMetric
from metrics.probes import runs


class RowFilter(OfClient):
    """Exact matches and bounds; those without an index are met on the way through time."""

    metric_name = django_filters.CharFilter()
    component = django_filters.CharFilter()
    service_name = django_filters.CharFilter()
    query_complexity = django_filters.ChoiceFilter(choices=Complexity.choices)
    request_id = django_filters.CharFilter()
    measurement_unit = django_filters.CharFilter()
    model = django_filters.CharFilter(
        field_name="ml_models_used", lookup_expr="has_key", help_text="One of ml_models_used."
    )
    value_above = django_filters.NumberFilter(field_name="metric_value", lookup_expr="gt")
    value_below = django_filters.NumberFilter(field_name="metric_value", lookup_expr="lt")
    rated = django_filters.BooleanFilter(
        field_name="user_satisfaction_score",
        lookup_expr="isnull",
        exclude=True,
        help_text="Whether it carries a satisfaction score.",
    )
    score_below = django_filters.NumberFilter(
        field_name="user_satisfaction_score", lookup_expr="lt"
    )
    probe = django_filters.CharFilter(
        method="of_probe", help_text="What the portal's own probe of this name measured."
    )
    success = django_filters.BooleanFilter()
    synthetic = django_filters.BooleanFilter()
    since = django_filters.IsoDateTimeFilter(field_name="timestamp", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="timestamp", lookup_expr="lt")

    class Meta:
        model = PerformanceMetric
        fields: list[str] = []

    def of_probe(
        self, queryset: QuerySet[PerformanceMetric], _name: str, value: str
    ) -> QuerySet[PerformanceMetric]:
        """The rows that a probe stored."""
        return runs.named(queryset, value)


class RowSerializer(serializers.ModelSerializer[PerformanceMetric]):
    """A stored row, with its client's code."""

    client = serializers.SlugRelatedField[PerformanceMetric](slug_field="code", read_only=True)
    client_id = serializers.IntegerField(read_only=True)
    user_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = PerformanceMetric
        exclude = ["user"]


class MetricsView(IngestView, KeyedList[PerformanceMetric]):
    """Store rows and read them back."""

    scopes = {**IngestView.scopes, "GET": ApiKey.Scope.READ}
    queryset: QuerySet[PerformanceMetric] = PerformanceMetric.objects.select_related("client")
    serializer_class = RowSerializer
    filterset_class = RowFilter
    pagination_class = RowPagination
