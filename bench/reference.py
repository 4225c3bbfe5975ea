"""The reference that ingestion is measured against: DRF's ordinary way, behind the same server."""

from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey
from metrics.models import PerformanceMetric


class RowSerializer(serializers.ModelSerializer[PerformanceMetric]):
    """Every column, validated as DRF does."""

    class Meta:
        model = PerformanceMetric
        exclude = ["id"]


class BulkView(APIView):
    """ModelSerializer(many=True) and bulk_create."""

    scopes = {"POST": ApiKey.Scope.INGEST}

    def post(self, request: Request) -> Response:
        """Store a list of rows."""
        serializer = RowSerializer(data=request.data, many=True)
        serializer.is_valid(raise_exception=True)
        rows = [PerformanceMetric(**fields) for fields in serializer.validated_data]
        PerformanceMetric.objects.bulk_create(rows)
        return Response({"stored": len(rows)}, status=201)


class SaveView(APIView):
    """ModelSerializer.save()."""

    scopes = {"POST": ApiKey.Scope.INGEST}

    def post(self, request: Request) -> Response:
        """Store one row."""
        serializer = RowSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response({"stored": 1}, status=201)


def healthz(_request: HttpRequest) -> JsonResponse:
    """The server answers."""
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("bulk/", BulkView.as_view()),
    path("save/", SaveView.as_view()),
    path("healthz", healthz),
]
