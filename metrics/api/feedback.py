"""``/api/v1/feedback/``: POST stores votes (ingest.feedback), GET lists them, newest first.

``/api/v1/feedback/<id>/integrated``: a model has learned from one.
"""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey
from metrics.api.filters import OfClient
from metrics.api.paging import FeedbackPagination, KeyedList, own_client_id
from metrics.feedback.integration import Integrated, NotOwned, integrate
from metrics.ingest.api import IngestView, JSONBytesParser
from metrics.ingest.errors import problem
from metrics.ingest.feedback import FeedbackFace
from metrics.models import Complexity, Feedback


class FeedbackFilter(OfClient):
    """By request, by what was rated, by state."""

    request_id = django_filters.CharFilter()
    component = django_filters.CharFilter()
    service_name = django_filters.CharFilter()
    model = django_filters.CharFilter()
    query_complexity = django_filters.ChoiceFilter(choices=Complexity.choices)
    joined = django_filters.BooleanFilter(
        field_name="joined_at", lookup_expr="isnull", exclude=True
    )
    integrated = django_filters.BooleanFilter(
        field_name="integrated_at", lookup_expr="isnull", exclude=True
    )
    corrected = django_filters.BooleanFilter(
        method="of_correction", help_text="Whether it says what the answer should have been."
    )
    since = django_filters.IsoDateTimeFilter(field_name="submitted_at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="submitted_at", lookup_expr="lt")

    class Meta:
        model = Feedback
        fields: list[str] = []

    def of_correction(
        self,
        queryset: QuerySet[Any],
        name: str,  # noqa: ARG002
        value: bool,
    ) -> QuerySet[Any]:
        """With a correction, or without."""
        return queryset.exclude(correction="") if value else queryset.filter(correction="")


class FeedbackSerializer(serializers.ModelSerializer[Feedback]):
    """A vote, with its client's code and what it took over from the request it rates."""

    client = serializers.SlugRelatedField[Feedback](
        slug_field="code", read_only=True, allow_null=True
    )
    client_id = serializers.IntegerField(read_only=True, allow_null=True)
    user_id = serializers.IntegerField(read_only=True, allow_null=True)
    query_complexity = serializers.CharField(
        read_only=True, help_text="Empty: none was sent, or the request is not known yet."
    )

    class Meta:
        model = Feedback
        exclude = ["user", "next_look_at"]


class FeedbackView(IngestView, KeyedList[Feedback]):
    """Store votes and read them back."""

    face = FeedbackFace.name
    parser_classes = [JSONBytesParser]
    scopes = {**IngestView.scopes, "GET": ApiKey.Scope.READ}
    queryset = Feedback.objects.select_related("client")
    serializer_class = FeedbackSerializer
    filterset_class = FeedbackFilter
    pagination_class = FeedbackPagination


class IntegratedSerializer(serializers.Serializer[Integrated]):
    """When a model had learned from a vote, and how long after it."""

    id = serializers.UUIDField()
    submitted_at = serializers.DateTimeField()
    integrated_at = serializers.DateTimeField()
    seconds = serializers.FloatField(min_value=0)


class IntegratedView(APIView):
    """Learning integration."""

    scopes = {"POST": ApiKey.Scope.INGEST}

    @extend_schema(
        request=None,
        responses={
            200: IntegratedSerializer,
            409: OpenApiResponse(description="Whose the vote is follows from a request to come."),
        },
    )
    def post(self, request: Request, vote_id: UUID) -> Response:
        """A model has learned from the vote. The first call counts; later ones change nothing.

        Stored as a row of learning_integration_time, in seconds since the vote.
        """
        try:
            done = integrate(vote_id, own_client_id(request), timezone.now())
        except Feedback.DoesNotExist:
            fix = "Send the id that the vote was answered with."
            return Response(problem("vote_id", f"There is no vote {vote_id}.", fix), 404)
        except NotOwned:
            text = "Its client is not known: the vote named none, and its request is not stored."
            fix = "Come again when the request's row is sent."
            return Response(problem("vote_id", text, fix), 409)
        return Response(IntegratedSerializer(done).data)
