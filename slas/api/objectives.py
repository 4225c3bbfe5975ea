"""``GET /api/v1/objectives/``: what is promised, and was, newest objectives first."""

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from rest_framework import serializers

from accounts.models import ApiKey
from metrics.api.filters import OfClient
from metrics.api.paging import KeyedList, RowPagination
from slas.models import Slo, SloVersion
from slas.objectives import Kind, Promise


class ObjectiveFilter(OfClient):
    """By name, and by the versions in force."""

    base = django_filters.CharFilter(help_text="Its key, e.g. sla:simple_queries:latency.")
    promise = django_filters.ChoiceFilter(
        choices=[(one.value, one.value) for one in Promise],
        field_name="base",
        method="of_promise",
        help_text="What it comes from.",
    )
    kind = django_filters.ChoiceFilter(
        choices=[(one.value, one.value) for one in Kind], method="in_version"
    )
    component = django_filters.CharFilter(method="in_version")
    metric_name = django_filters.CharFilter(method="in_version")
    model = django_filters.CharFilter(method="in_version")
    in_force = django_filters.BooleanFilter(
        method="of_force", help_text="Whether it is promised now."
    )

    class Meta:
        model = Slo
        fields: list[str] = []

    def of_promise(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """The first word of the key."""
        return queryset.filter(**{f"{name}__startswith": f"{value}:"})

    def in_version(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """In force with this value."""
        return queryset.filter(Exists(_in_force(**{name: value})))

    def of_force(
        self,
        queryset: QuerySet[Any],
        name: str,  # noqa: ARG002
        value: bool,
    ) -> QuerySet[Any]:
        """With a version in force, or without."""
        found = Exists(_in_force())
        return queryset.filter(found if value else ~found)


def _in_force(**fields: str) -> QuerySet[SloVersion]:
    return SloVersion.objects.filter(slo=OuterRef("pk"), valid_until=None, **fields)


class VersionSerializer(serializers.ModelSerializer[SloVersion]):
    """An objective's numbers and when they were in force; shares are percent."""

    class Meta:
        model = SloVersion
        fields = [
            "number",
            "valid_from",
            "valid_until",
            "kind",
            "metric_name",
            "component",
            "unit",
            "query_complexity",
            "model",
            "threshold",
            "good_within",
            "share",
            "minimum",
            "window_seconds",
            "aggregate",
            "include_synthetic",
            "reason",
        ]


class ObjectiveSerializer(serializers.ModelSerializer[Slo]):
    """An objective with its versions, newest first; without a client it is everyone's default."""

    client = serializers.SlugRelatedField[Slo](slug_field="code", read_only=True, allow_null=True)
    in_force = serializers.SerializerMethodField(help_text="Whether it is promised now.")
    versions = VersionSerializer(many=True, read_only=True)

    class Meta:
        model = Slo
        fields = ["id", "base", "client", "created_at", "in_force", "versions"]

    def get_in_force(self, slo: Slo) -> bool:
        """Whether a version is open."""
        return any(version.valid_until is None for version in slo.versions.all())


class ObjectivePagination(RowPagination):
    """Newest objectives first; versions make them long."""

    time = "created_at"
    max_page_size = 500


class ObjectivesView(KeyedList[Slo]):
    """The objectives; those of no client hold for every one."""

    scopes = {"GET": ApiKey.Scope.READ}
    shared = True
    queryset: QuerySet[Slo] = Slo.objects.select_related("client").prefetch_related("versions")
    serializer_class = ObjectiveSerializer
    filterset_class = ObjectiveFilter
    pagination_class = ObjectivePagination
