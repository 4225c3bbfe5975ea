"""``GET /api/v1/alerts/events/``: everything that happens to alerts, as a stream to follow.

Events are in the order of their transactions, and one is shown only once no
older transaction can still commit: whoever goes on from the last cursor misses
none, however many wrote at once. (Ids alone are given out before the commit, so
a smaller one may appear later.)
"""

from typing import Any

from django.db import connection
from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey
from alerts.api.alerts import EventSerializer, visible
from alerts.models import AlertEvent
from metrics.api.paging import check_parameters, page_size

USUAL, MOST = 100, 1000


class PageSerializer(serializers.Serializer[Any]):
    """Events, and where to go on: keep the cursor, and ask again with it for what is new."""

    cursor = serializers.CharField()
    results = EventSerializer(many=True)


class EventsView(APIView):
    """The stream of events."""

    scopes = {"GET": ApiKey.Scope.READ}
    serializer_class = PageSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter("cursor", str, description="Of the answer before. Without: from now."),
            OpenApiParameter("page_size", int, description=f"At most {MOST}; usually {USUAL}."),
        ]
    )
    def get(self, request: Request) -> Response:
        """What happened since the cursor, oldest first; without one, the place to begin at.

        ``cursor=0`` begins with the oldest event kept.
        """
        check_parameters(request, {"cursor", "page_size"})
        settled = _settled()
        text = request.query_params.get("cursor")
        if text is None:
            return Response({"cursor": f"{settled}.0", "results": []})
        events = _after(request, *_place(text), settled)
        cursor = f"{events[-1].transaction}.{events[-1].pk}" if events else text
        return Response({"cursor": cursor, "results": EventSerializer(events, many=True).data})


def _settled() -> int:
    """Transactions before this one are all over."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        found: int = cursor.fetchone()[0]
    return found


def _after(request: Request, transaction: int, pk: int, settled: int) -> list[AlertEvent]:
    later = Q(transaction__gt=transaction) | Q(transaction=transaction, pk__gt=pk)
    events = AlertEvent.objects.filter(
        # The bound alone can use the index, an OR of both columns could not.
        later,
        transaction__gte=transaction,
        transaction__lt=settled,
        alert__in=visible(request.auth).only("pk"),
    )
    size = page_size(request, USUAL, MOST)
    return list(events.select_related("actor").order_by("transaction", "pk")[:size])


def _place(text: str) -> tuple[int, int]:
    """What a cursor says; NotFound for one that was never given."""
    first, _, second = text.partition(".")
    try:
        place = int(first), int(second or 0)
    except ValueError:
        raise NotFound("Invalid cursor") from None
    if not all(0 <= number < 2**63 for number in place):
        raise NotFound("Invalid cursor")
    return place
