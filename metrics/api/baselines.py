"""``GET /api/v1/baselines/``: measured references, newest first."""

import django_filters
from rest_framework import serializers

from accounts.models import ApiKey
from metrics.api.filters import OfClient
from metrics.api.paging import BaselinePagination, KeyedList
from metrics.models import PerformanceBaseline


class BaselineFilter(OfClient):
    """By what they are references for."""

    metric_name = django_filters.CharFilter()
    metric_category = django_filters.CharFilter()
    component = django_filters.CharFilter()
    active = django_filters.BooleanFilter()
    since = django_filters.IsoDateTimeFilter(field_name="measurement_date", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="measurement_date", lookup_expr="lt")

    class Meta:
        model = PerformanceBaseline
        fields: list[str] = []


class BaselineSerializer(serializers.ModelSerializer[PerformanceBaseline]):
    """A baseline, with its client's code; null: it holds for every client."""

    client = serializers.SlugRelatedField[PerformanceBaseline](
        slug_field="code", read_only=True, allow_null=True
    )
    client_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = PerformanceBaseline
        fields = "__all__"


class BaselinesView(KeyedList[PerformanceBaseline]):
    """Measured references; those of no client hold for every one."""

    scopes = {"GET": ApiKey.Scope.READ}
    shared = True
    queryset = PerformanceBaseline.objects.select_related("client")
    serializer_class = BaselineSerializer
    filterset_class = BaselineFilter
    pagination_class = BaselinePagination
