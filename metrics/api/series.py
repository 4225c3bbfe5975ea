"""``GET /api/v1/series/``: a metric over time, from its roll-ups."""

import re
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_duration
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey, Client
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
from metrics.histogram import MAX_RELATIVE_ERROR
from metrics.models import Complexity
from metrics.series import Asked, Place, Point

PAGE, MAX_PAGE = 500, 2_000
HOUR = timedelta(hours=1)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
# Points are kept ahead of now by no more than rows may be.
_AHEAD = timedelta(days=1)
_NOBODY = -1


class SeriesQuery(serializers.Serializer[Any]):
    """What is asked for."""

    metric_name = serializers.CharField(max_length=100, help_text="The metric; required.")
    component = serializers.CharField(required=False)
    service_name = serializers.CharField(required=False)
    model = serializers.CharField(
        required=False, help_text="The first of ml_models_used; it gave the answer."
    )
    query_complexity = serializers.ChoiceField(Complexity.choices, required=False)
    client = serializers.CharField(required=False, help_text="A client's code.")
    synthetic = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only probes' rows, or none."
    )
    since = serializers.DateTimeField(required=False, help_text="Default: an hour before until.")
    until = serializers.DateTimeField(required=False, help_text="Default: now.")
    step = serializers.CharField(
        required=False,
        help_text="1m to 1d, as 5m, 1h or PT5M; since and until are widened to whole steps. "
        f"Default: what gives at most {series.USUAL_STEPS} steps. At most {series.MAX_STEPS}.",
    )
    group_by = serializers.ChoiceField(list(series.GROUPS), required=False)

    def validate_step(self, text: str) -> timedelta:
        """5m, 2h, 1d or ISO 8601; whole minutes, a minute to a day."""
        number, unit = text[:-1], text[-1:]
        if re.fullmatch(r"[0-9]{1,4}", number) and unit in _UNITS:
            step: timedelta | None = int(number) * _UNITS[unit]
        else:
            step = parse_duration(text) if text.startswith("P") else None
        if step is None or step % series.SMALLEST_STEP:
            raise ValidationError(f"“{text}” is no step of whole minutes, such as 5m or PT5M.")
        if not series.SMALLEST_STEP <= step <= series.LARGEST_STEP:
            raise ValidationError("A step is from 1m to 1d.")
        return step


class PointSerializer(serializers.Serializer[Point]):
    """One step of one group; values are the successful rows', in the unit."""

    start = serializers.DateTimeField()
    group = serializers.CharField(
        allow_null=True, help_text="Of group_by; empty: none was sent. Null: not grouped."
    )
    unit = serializers.CharField()
    count = serializers.IntegerField(help_text="Rows.")
    succeeded = serializers.IntegerField(help_text="Rows with success.")
    mean = serializers.FloatField(allow_null=True)
    min = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)
    p50 = serializers.FloatField(allow_null=True)
    p90 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)
    votes = serializers.IntegerField(help_text="Rows with a satisfaction score.")
    votes_mean = serializers.FloatField(allow_null=True)
    approximate = serializers.BooleanField(
        help_text="Part of it came in other buckets: its percentiles may err by more."
    )


class SeriesSerializer(serializers.Serializer[Any]):
    """A page of points."""

    metric_name = serializers.CharField()
    since = serializers.DateTimeField(help_text="Widened to whole steps.")
    until = serializers.DateTimeField(help_text="Widened to whole steps; excluded.")
    step_seconds = serializers.IntegerField()
    group_by = serializers.CharField(allow_null=True)
    max_relative_error = serializers.FloatField(
        help_text="Of the percentiles; the rest is exact. Not of points that are approximate."
    )
    approximate = serializers.BooleanField(help_text="Whether any point on the page is.")
    next = serializers.URLField(allow_null=True, help_text="The next page; null on the last.")
    results = PointSerializer(many=True)


_PAGE_PARAMETERS = [
    OpenApiParameter(form["name"], form["schema"], description=form["schema"].get("description"))
    for form in sized(PAGE, MAX_PAGE)
]


class SeriesView(APIView):
    """A metric over time."""

    scopes = {"GET": ApiKey.Scope.READ}

    @extend_schema(parameters=[SeriesQuery, *_PAGE_PARAMETERS], responses=SeriesSerializer)
    def get(self, request: Request) -> Response:
        """Counts, mean, extremes and percentiles of a metric by step, oldest first.

        From the roll-ups, which follow the rows by a few seconds; steps of whole hours go
        back further than shorter ones.
        """
        check_parameters(request, {*SeriesQuery().fields, *PAGING})
        query = SeriesQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = _asked(query.validated_data, own_client_id(request), timezone.now())
        after = _after(request.query_params.get(PAGING[0]))
        size = page_size(request, PAGE, MAX_PAGE)
        found = series.points(asked, size + 1, after)
        page, more = found[:size], len(found) > size
        return Response(
            {
                "metric_name": asked.metric_name,
                "since": asked.since,
                "until": asked.until,
                "step_seconds": int(asked.step.total_seconds()),
                "group_by": asked.group_by or None,
                "max_relative_error": MAX_RELATIVE_ERROR,
                "approximate": any(point.approximate for point in page),
                "next": next_link(request, _cursor(page[-1])) if more else None,
                "results": _named(page, asked.group_by),
            }
        )


def _asked(query: dict[str, Any], own: int | None, now: datetime) -> Asked:
    """What to look for; ValidationError for a span that makes no sense."""
    until = min(query.get("until", now), now + _AHEAD)
    since = query.get("since", until - HOUR)
    if since >= until:
        raise ValidationError({"since": "It must lie before until, and in the past."})
    step = query.get("step") or series.usual_step(until - since)
    if (until - since) / step > series.MAX_STEPS:
        text = f"These are more than {series.MAX_STEPS} steps; ask for a larger one."
        raise ValidationError({"step": text})
    names = ("component", "service_name", "model", "query_complexity")
    filters = {name: query[name] for name in names if name in query}
    if query["synthetic"] is not None:
        filters["synthetic"] = query["synthetic"]
    bounds = series.aligned(since, until, step)
    filters |= _clients(query.get("client"), own)
    return Asked(query["metric_name"], *bounds, step, query.get("group_by", ""), filters)


def _clients(code: str | None, own: int | None) -> dict[str, int]:
    """The client to look at, as a filter; nobody's for one that the key may not see."""
    if code is None:
        return {} if own is None else {"client_id": own}
    named = Client.objects.filter(code=code).values_list("pk", flat=True).first()
    if named is None or own not in {None, named}:
        return {"client_id": _NOBODY}
    return {"client_id": named}


def _named(page: list[Point], group_by: str) -> list[dict[str, Any]]:
    """Points as they are answered: clients by their codes."""
    codes: dict[str, str] = {}
    if group_by == "client":
        ids = {int(point.group) for point in page}
        clients = Client.objects.filter(pk__in=ids).values_list("pk", "code")
        codes = {str(pk): code for pk, code in clients}
    groups = [codes.get(one.group, one.group) if group_by else None for one in page]
    return [{**asdict(one), "group": group} for one, group in zip(page, groups, strict=True)]


def _cursor(point: Point) -> str:
    return cursor(point.start, f"{point.group}\0{point.unit}")


def _after(text: str | None) -> Place | None:
    if not text:
        return None
    at, (group, unit) = position(text, _group_and_unit)
    return at, group, unit


def _group_and_unit(text: str) -> tuple[str, str]:
    parts = text.split("\0")
    if len(parts) != 2:
        raise ValueError(text)
    return parts[0], parts[1]
