"""``/api/v1/deployments/``: which version of a service went live when."""

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey
from metrics.api.filters import OfClient
from metrics.api.paging import DeploymentPagination, KeyedList, own_client_id
from metrics.ingest.api import JSONBytesParser
from metrics.ingest.deployments import DEPLOYMENTS, store
from metrics.ingest.errors import problem
from metrics.ingest.forms import MalformedBody
from metrics.ingest.schema import Refused
from metrics.ingest.validate import Limits
from metrics.models import Deployment


class DeploymentFilter(OfClient):
    """By what was deployed, where and when."""

    component = django_filters.CharFilter()
    service_name = django_filters.CharFilter()
    version = django_filters.CharFilter()
    environment = django_filters.CharFilter()
    since = django_filters.IsoDateTimeFilter(field_name="deployed_at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="deployed_at", lookup_expr="lt")

    class Meta:
        model = Deployment
        fields: list[str] = []


class DeploymentSerializer(serializers.ModelSerializer[Deployment]):
    """A deployment, with its client's code; null: for every client."""

    client = serializers.SlugRelatedField[Deployment](
        slug_field="code", read_only=True, allow_null=True
    )
    client_id = serializers.IntegerField(read_only=True, allow_null=True)
    url = serializers.CharField(read_only=True, help_text="Empty: none was sent.")

    class Meta:
        model = Deployment
        fields = "__all__"


class DeploymentsView(KeyedList[Deployment]):
    """Tell of deployments and list them; those of no client concern every one."""

    scopes = {"POST": ApiKey.Scope.INGEST, "GET": ApiKey.Scope.READ}
    parser_classes = [JSONBytesParser]
    shared = True
    queryset: QuerySet[Deployment] = Deployment.objects.select_related("client")
    serializer_class = DeploymentSerializer
    filterset_class = DeploymentFilter
    pagination_class = DeploymentPagination

    @extend_schema(request=None, responses={201: DeploymentSerializer})
    def post(self, request: Request) -> Response:
        """Store a deployment. Sent again under its event_id, it is stored once."""
        body = request.data if isinstance(request.data, bytes) else b""
        try:
            sent, rejections = DEPLOYMENTS.decode(body, 1)
            if rejections:
                one = rejections[0]
                return Response(problem(one.field, one.problem, one.fix), 400)
            done = store(sent[0][1], own_client_id(request), Limits.at(timezone.now()))
        except MalformedBody as error:
            return Response(problem("(body)", str(error), "Send one JSON object."), 400)
        except Refused as refused:
            return Response(problem(refused.field, refused.problem, refused.fix), 400)
        return Response(self.get_serializer(done).data, 201)
