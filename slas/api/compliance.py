"""``GET /api/v1/compliance/``: how each promise to each client stands over a period."""

import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey, Client
from metrics.api.paging import (
    PAGING,
    check_parameters,
    next_link,
    own_client_id,
    page_size,
    sized,
)
from slas.api.params import PeriodField, clients, period
from slas.models import Slo, SloVersion
from slas.objectives import Kind
from slas.periods import Period
from slas.standing import Standing, Status, standings

PAGE, MAX_PAGE = 200, 1000
Place = tuple[int, int]  # client, objective


class ComplianceQuery(serializers.Serializer[Any]):
    """What is asked for."""

    period = PeriodField()
    client = serializers.CharField(required=False, help_text="A client's code.")
    objective = serializers.IntegerField(required=False, min_value=1, help_text="Its id.")
    base = serializers.CharField(
        required=False, help_text="An objective's key, e.g. sla:simple_queries:latency."
    )
    kind = serializers.ChoiceField([one.value for one in Kind], required=False)
    component = serializers.CharField(required=False)
    status = serializers.ChoiceField([one.value for one in Status], required=False)


class StandingSerializer(serializers.Serializer[Any]):
    """One promise to one client over the period."""

    client = serializers.CharField(help_text="The client's code.")
    objective_id = serializers.IntegerField()
    objective = serializers.CharField(help_text="Its key.")
    version = serializers.IntegerField(help_text="The last in force in the period.")
    kind = serializers.CharField()
    component = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField(help_text="Excluded.")
    good = serializers.IntegerField(help_text="Good events; excluded spans don't count.")
    total = serializers.IntegerField(help_text="Valid events; excluded spans don't count.")
    gross_good = serializers.IntegerField(help_text="With what was excluded.")
    gross_total = serializers.IntegerField(help_text="With what was excluded.")
    attained = serializers.FloatField(
        allow_null=True,
        help_text="Percent of good events; of ratings and limits the mean or the largest value.",
    )
    promised = serializers.FloatField(help_text="In the same unit.")
    status = serializers.ChoiceField([one.value for one in Status])
    budget_left = serializers.FloatField(
        allow_null=True,
        help_text="Share of the error budget: 1 untouched, below 0 overspent. Null: no events, "
        "or no budget.",
    )
    burn = serializers.FloatField(
        allow_null=True, help_text="Burn rate; at 1 the budget lasts the period."
    )
    silent_since = serializers.DateTimeField(
        allow_null=True, help_text="No data since; null: there is some, or there never was."
    )


class ComplianceSerializer(serializers.Serializer[Any]):
    """A page of standings."""

    period = serializers.CharField(help_text="As asked for.")
    next = serializers.URLField(allow_null=True, help_text="The next page; null on the last.")
    results = StandingSerializer(many=True)


_PAGE_PARAMETERS = [
    OpenApiParameter(form["name"], form["schema"], description=form["schema"].get("description"))
    for form in sized(PAGE, MAX_PAGE)
]


@dataclass(frozen=True)
class Asked:
    """A request's question."""

    period: str
    status: str | None
    client: str | None
    slos: Sequence[Slo] | None  # None: all
    now: datetime


class ComplianceView(APIView):
    """Compliance, budget and burn rate."""

    scopes = {"GET": ApiKey.Scope.READ}

    @extend_schema(parameters=[ComplianceQuery, *_PAGE_PARAMETERS], responses=ComplianceSerializer)
    def get(self, request: Request) -> Response:
        """How each promise to each client stands, by client and objective.

        A page may be short, or empty, before the last: follow next until it is null.
        """
        check_parameters(request, {*ComplianceQuery().fields, *PAGING})
        query = ComplianceQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = _asked(query.validated_data)
        own = own_client_id(request)
        size = page_size(request, PAGE, MAX_PAGE)
        after = _place(request.query_params.get(PAGING[0]))
        page, last = _page(asked, own, after, size)
        return Response(
            {
                "period": asked.period,
                "next": next_link(request, _cursor(last)) if last else None,
                "results": page,
            }
        )


def _asked(query: dict[str, Any]) -> Asked:
    versions = {name: query[name] for name in ("kind", "component") if name in query}
    chosen = {"base": query.get("base"), "pk": query.get("objective")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    slos: list[Slo] | None = None
    if versions or chosen:
        found = Slo.objects.filter(**chosen)
        if versions:
            ids = SloVersion.objects.filter(**versions).values("slo")
            found = found.filter(pk__in=ids)
        slos = list(found)
    now = timezone.now()
    return Asked(query["period"], query.get("status"), query.get("client"), slos, now)


def _page(
    asked: Asked, own: int | None, after: Place, size: int
) -> tuple[list[dict[str, Any]], Place | None]:
    """Standings after a place, and the last one's place where there are more."""
    page: list[dict[str, Any]] = []
    last: Place = after
    for client in clients(asked.client, own):
        if client.pk < after[0]:
            continue
        for one in _of_client(asked, client):
            place = (client.pk, one.slo.pk)
            if place <= after:
                continue
            if len(page) == size:
                return page, last
            page.append(_answer(client, one))
            last = place
    return page, None


def _of_client(asked: Asked, client: Client) -> Iterator[Standing]:
    span: Period = period(asked.period, asked.now, client.time_zone)
    wanted = None
    if asked.slos is not None:
        # Another client's own objective is nobody else's business.
        wanted = [slo for slo in asked.slos if slo.client_id in {None, client.pk}]
        if not wanted:
            return
    found = standings(client, span.start, span.end, asked.now, wanted)
    for one in sorted(found, key=lambda standing: standing.slo.pk):
        if asked.status in {None, one.status}:
            yield one


def _answer(client: Client, one: Standing) -> dict[str, Any]:
    return StandingSerializer(
        {
            "client": client.code,
            "objective_id": one.slo.pk,
            "objective": one.slo.base,
            "version": one.version.number,
            "kind": one.version.kind,
            "component": one.version.component,
            "start": one.start,
            "end": one.end,
            "good": one.sums.good,
            "total": one.sums.total,
            "gross_good": one.gross.good,
            "gross_total": one.gross.total,
            "attained": finite(one.attained),
            "promised": one.required,
            "status": one.status.value,
            "budget_left": finite(one.budget_left),
            "burn": finite(one.burn),
            "silent_since": one.silent_since,
        }
    ).data


def finite(value: float | None) -> float | None:
    """JSON knows no infinities."""
    return value if value is not None and math.isfinite(value) else None


def _cursor(place: Place) -> str:
    return urlsafe_b64encode(f"{place[0]} {place[1]}".encode()).decode()


def _place(text: str | None) -> Place:
    if not text:
        return 0, 0
    try:
        client, objective = urlsafe_b64decode(text.encode()).decode().split(" ")
        place = int(client), int(objective)
    except ValueError:
        raise NotFound("Invalid cursor") from None
    if not all(0 < one < 2**63 for one in place):
        raise NotFound("Invalid cursor")
    return place
