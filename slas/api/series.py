"""``GET /api/v1/objectives/<id>/series/``: an objective's SLI over time."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey
from metrics import series
from metrics.api.paging import (
    PAGING,
    check_parameters,
    cursor,
    next_link,
    own_client_id,
    page_size,
    position,
    sized,
)
from metrics.api.series import SeriesQuery
from slas import sli_series
from slas.api.compliance import finite
from slas.api.params import clients
from slas.models import Slo, SloVersion

PAGE, MAX_PAGE = 500, 2_000
DAY = timedelta(days=1)


class ObjectiveSeriesQuery(serializers.Serializer[Any]):
    """What is asked for."""

    client = serializers.CharField(
        required=False, help_text="A client's code. Default: all that the key may see, together."
    )
    since = serializers.DateTimeField(required=False, help_text="Default: a day before until.")
    until = serializers.DateTimeField(required=False, help_text="Default: now.")
    step = serializers.CharField(
        required=False,
        help_text="1m to 1d, as 5m, 1h or PT5M; since and until are widened to whole steps. "
        f"Default: what gives at most {series.USUAL_STEPS} steps. At most {series.MAX_STEPS}.",
    )

    def validate_step(self, text: str) -> timedelta:
        """As everywhere."""
        return SeriesQuery().validate_step(text)


class SliSerializer(serializers.Serializer[Any]):
    """One step."""

    start = serializers.DateTimeField()
    good = serializers.IntegerField()
    total = serializers.IntegerField()
    attained = serializers.FloatField(
        allow_null=True,
        help_text="Percent of good events; of ratings and limits the mean or the largest value.",
    )


class ObjectiveSeriesSerializer(serializers.Serializer[Any]):
    """A page of steps."""

    objective_id = serializers.IntegerField()
    objective = serializers.CharField(help_text="Its key.")
    since = serializers.DateTimeField(help_text="Widened to whole steps.")
    until = serializers.DateTimeField(help_text="Widened to whole steps; excluded.")
    step_seconds = serializers.IntegerField()
    next = serializers.URLField(allow_null=True, help_text="The next page; null on the last.")
    results = SliSerializer(many=True)


_PAGE_PARAMETERS = [
    OpenApiParameter(form["name"], form["schema"], description=form["schema"].get("description"))
    for form in sized(PAGE, MAX_PAGE)
]


class ObjectiveSeriesView(APIView):
    """An objective over time."""

    scopes = {"GET": ApiKey.Scope.READ}

    @extend_schema(
        parameters=[ObjectiveSeriesQuery, *_PAGE_PARAMETERS], responses=ObjectiveSeriesSerializer
    )
    def get(self, request: Request, objective_id: int) -> Response:
        """Good and total by step, oldest first; steps without events are left out.

        Exclusions are not taken out here.
        """
        check_parameters(request, {*ObjectiveSeriesQuery().fields, *PAGING})
        query = ObjectiveSeriesQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        own = own_client_id(request)
        slo, version = _visible(objective_id, own)
        since, until, step = _span(query.validated_data, timezone.now())
        place = _place(request.query_params.get(PAGING[0]), since, until, step)
        size = page_size(request, PAGE, MAX_PAGE)
        ids = [client.pk for client in clients(query.validated_data.get("client"), own)]
        found = sli_series.points(slo.pk, ids, place, until, step, size + 1)
        page, more = found[:size], found[size:]
        return Response(
            {
                "objective_id": slo.pk,
                "objective": slo.base,
                "since": since,
                "until": until,
                "step_seconds": int(step.total_seconds()),
                "next": next_link(request, cursor(more[0].start, "")) if more else None,
                "results": [_answer(version, point) for point in page],
            }
        )


def _visible(objective_id: int, own: int | None) -> tuple[Slo, SloVersion]:
    """The objective and its newest version; NotFound for one that the key may not see."""
    found = Slo.objects.filter(pk=objective_id)
    if own is not None:
        found = found.filter(Q(client=None) | Q(client=own))
    slo = found.first()
    version = slo.versions.order_by("-number").first() if slo else None
    if slo is None or version is None:
        raise NotFound(f"There is no objective {objective_id}.")
    return slo, version


def _span(query: dict[str, Any], now: datetime) -> tuple[datetime, datetime, timedelta]:
    until = min(query.get("until", now), now + DAY)
    since = query.get("since", until - DAY)
    if since >= until:
        raise ValidationError({"since": "It must lie before until, and in the past."})
    step = query.get("step") or series.usual_step(until - since)
    if (until - since) / step > series.MAX_STEPS:
        text = f"These are more than {series.MAX_STEPS} steps; ask for a larger one."
        raise ValidationError({"step": text})
    return *series.aligned(since, until, step), step


def _place(text: str | None, since: datetime, until: datetime, step: timedelta) -> datetime:
    """Where the page begins; a cursor of another span or step is none."""
    if not text:
        return since
    at, _ = position(text, str)
    if not since <= at < until or (at - since) % step:
        raise NotFound("Invalid cursor")
    return at


def _answer(version: SloVersion, point: sli_series.Point) -> dict[str, Any]:
    return {
        "start": point.start,
        "good": point.sums.good,
        "total": point.sums.total,
        "attained": finite(sli_series.attained(version, point.sums)),
    }
