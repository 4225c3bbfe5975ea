"""``GET /api/v1/alerts/`` and ``/api/v1/alerts/<id>/``: what is broken, with its evidence."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import visibility
from accounts.models import ApiKey, Team, User
from alerts.models import Alert, AlertEvent, AlertType, Severity, Status
from alerts.triage.lifecycle import OPEN, legal_actions
from metrics.api.filters import OfClient
from metrics.api.paging import KeyedList, RowPagination, check_parameters

MOST_EVENTS = 200


class AlertFilter(OfClient):
    """By state, by what is broken, by whose work it is, and by time."""

    open = django_filters.BooleanFilter(method="of_open", help_text="Whether it is not resolved.")
    status = django_filters.MultipleChoiceFilter(
        choices=Status.choices, help_text="May be given several times."
    )
    severity = django_filters.MultipleChoiceFilter(
        choices=Severity.choices, help_text="May be given several times."
    )
    alert_type = django_filters.MultipleChoiceFilter(choices=AlertType.choices)
    component = django_filters.CharFilter()
    metric_name = django_filters.CharFilter()
    objective = django_filters.CharFilter(help_text="Its key, e.g. sla:simple_queries:latency.")
    model = django_filters.CharFilter()
    fingerprint = django_filters.CharFilter()
    assignee = django_filters.CharFilter(field_name="assignee__username", help_text="A username.")
    team = django_filters.CharFilter(field_name="team__name", help_text="A team's name.")
    incident = django_filters.NumberFilter(field_name="incident_id")
    flapping = django_filters.BooleanFilter()
    since = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", help_text="Opened at or after."
    )
    until = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", help_text="Opened before."
    )
    changed_since = django_filters.IsoDateTimeFilter(field_name="changed_at", lookup_expr="gte")

    class Meta:
        model = Alert
        fields: list[str] = []

    def of_open(
        self,
        queryset: QuerySet[Any],
        name: str,  # noqa: ARG002
        value: bool,
    ) -> QuerySet[Any]:
        """The open ones, or the resolved."""
        found = Q(status__in=OPEN)
        return queryset.filter(found if value else ~found)


class AlertSerializer(serializers.ModelSerializer[Alert]):
    """An alert. ``actions`` is what may be done with it now; name its ``version`` with any."""

    client = serializers.SlugRelatedField[Alert](slug_field="code", read_only=True)
    acknowledged_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True)
    resolved_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True)
    assignee = serializers.SlugRelatedField[User](slug_field="username", read_only=True)
    team = serializers.SlugRelatedField[Team](slug_field="name", read_only=True)
    actions = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        exclude = ["evidence"]

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_actions(self, alert: Alert) -> list[str]:
        """Names of actions that change the status."""
        return legal_actions(alert.status)


class EventSerializer(serializers.ModelSerializer[AlertEvent]):
    """An entry of an alert's timeline; without an actor it was the portal's agent."""

    actor = serializers.SlugRelatedField[User](
        slug_field="username", read_only=True, allow_null=True
    )

    class Meta:
        model = AlertEvent
        fields = [
            "id",
            "alert",
            "kind",
            "at",
            "actor",
            "agent",
            "from_status",
            "to_status",
            "note",
            "data",
        ]


class AlertDetailSerializer(AlertSerializer):
    """An alert with its evidence and its timeline, oldest first (the latest 200)."""

    events = serializers.SerializerMethodField()

    class Meta(AlertSerializer.Meta):
        exclude: list[str] = []

    @extend_schema_field(EventSerializer(many=True))
    def get_events(self, alert: Alert) -> list[dict[str, Any]]:
        """The latest of the timeline."""
        latest = alert.events.select_related("actor").order_by("-at", "-id")[:MOST_EVENTS]
        return list(EventSerializer(list(reversed(latest)), many=True).data)


class AlertPagination(RowPagination):
    """Newest alerts first."""

    time = "created_at"
    max_page_size = 500


def visible(key: Any) -> QuerySet[Alert]:
    """The alerts that a key may see: its client's, and only what its person may see."""
    found: QuerySet[Alert] = Alert.objects.select_related(
        "client", "acknowledged_by", "resolved_by", "assignee", "team"
    )
    if not isinstance(key, ApiKey):
        return found.none()
    if key.client_id is not None:
        found = found.filter(client_id=key.client_id)
    return visibility.limit(found, key.acts_as) if key.acts_as is not None else found


class AlertsView(KeyedList[Alert]):
    """The alerts, newest first."""

    scopes = {"GET": ApiKey.Scope.READ}
    queryset: QuerySet[Alert] = Alert.objects.all()
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    pagination_class = AlertPagination

    def get_queryset(self) -> QuerySet[Alert]:
        """What the key may see."""
        return visible(self.request.auth)


class AlertView(APIView):
    """One alert."""

    scopes = {"GET": ApiKey.Scope.READ}
    serializer_class = AlertDetailSerializer

    def get(self, request: Request, alert_id: int) -> Response:
        """The alert with its evidence and timeline."""
        check_parameters(request, set())
        return Response(AlertDetailSerializer(found(request, alert_id)).data)


def found(request: Request, alert_id: int) -> Alert:
    """The alert, if the key may see it; NotFound."""
    alert = visible(request.auth).filter(pk=alert_id).first()
    if alert is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return alert
