"""``/metrics``: how the promises stand, in Prometheus' text format.

For a key with the scope *Read*, or for the addresses in AIOSMON_METRICS_ALLOW.
A page is made at most every KEPT_SECONDS for each client that keys are bound
to, less often where that takes long, and by one thread at a time: scraping
can't load the database.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.authentication import ApiKeyAuthentication
from accounts.models import ApiKey, Client
from alerts.models import Alert
from alerts.models.alert import Severity, Status
from metrics.ingest.errors import FIXES, RETRY_AFTER_SECONDS, UNAUTHORIZED, UNAVAILABLE, problem
from metrics.models import IntakeMinute
from slas import periods
from slas.objectives import Kind
from slas.standing import Standing, standings
from slas.standing import Status as Stands

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
KEPT_SECONDS = 15.0
# A page that is slow to make is kept for this many times as long.
KEPT_TIMES = 10
WAIT_SECONDS = 10.0
MOST_PAGES = 200
PERIOD = timedelta(days=30)
BURNS = {"1h": timedelta(hours=1), "6h": timedelta(hours=6)}
LABELS = ("client", "objective", "kind", "component")
_JUDGED = {Stands.OK: 1, Stands.AT_RISK: 1, Stands.BREACH: 0}


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """The page; 401 and 403 as the REST API has them, 503 while there is no database."""
    try:
        key = None if _from_allowed(request) else _key(request)
        if key is not None and ApiKey.Scope.READ not in key.scopes:
            text = f"This API key lacks the scope “{ApiKey.Scope.READ}”."
            return JsonResponse(problem("(request)", text, FIXES[403]), status=403)
        page = PAGES.page(key.client_id if key else None)
    except AuthenticationFailed as error:
        body = problem("Authorization", str(error.detail), FIXES[UNAUTHORIZED])
        headers = {"WWW-Authenticate": 'Bearer realm="aiosmon"'}
        return JsonResponse(body, status=UNAUTHORIZED, headers=headers)
    except (OperationalError, InterfaceError, TimeoutError):
        fix = f"Send the same request again in {RETRY_AFTER_SECONDS} s."
        body = problem("(server)", "The figures can't be read right now.", fix)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return JsonResponse(body, status=UNAVAILABLE, headers=headers)
    return HttpResponse(page, content_type=CONTENT_TYPE)


def _from_allowed(request: HttpRequest) -> bool:
    """Whether it comes from where no key is asked for; a proxy's word is not taken."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in settings.METRICS_ALLOW)


def _key(request: HttpRequest) -> ApiKey:
    found = ApiKeyAuthentication().authenticate(Request(request))
    if found is None:
        raise AuthenticationFailed("Authentication credentials were not provided.")
    return found[1]


@dataclass
class _Page:
    """A page of one client, or of all."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    good_until: float = -math.inf
    text: bytes = b""


class Pages:
    """Pages that were made a moment ago."""

    def __init__(
        self,
        make: Callable[[int | None, datetime], bytes],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._clock = make, clock
        self._pages: dict[int | None, _Page] = {}
        self._lock = threading.Lock()

    def page(self, client_id: int | None) -> bytes:
        """The client's page, or that of all; an older one while another thread makes the new one.

        Raises TimeoutError where there is none yet and it takes too long.
        """
        page = self._slot(client_id)
        if self._clock() < page.good_until:
            return page.text
        if not page.lock.acquire(timeout=0 if page.text else WAIT_SECONDS):
            if page.text:
                return page.text
            raise TimeoutError
        try:
            begun = self._clock()
            if begun >= page.good_until:
                page.text = self._make(client_id, timezone.now())
                now = self._clock()
                page.good_until = now + max(KEPT_SECONDS, KEPT_TIMES * (now - begun))
            return page.text
        finally:
            page.lock.release()

    def forget(self) -> None:
        """Make every page anew."""
        with self._lock:
            self._pages.clear()

    def _slot(self, client_id: int | None) -> _Page:
        with self._lock:
            if client_id not in self._pages and len(self._pages) >= MOST_PAGES:
                self._pages.pop(next(iter(self._pages)))
            return self._pages.setdefault(client_id, _Page())


class _Figures(Collector):
    """Collected once; prometheus_client writes them out."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """As they were read."""
        return self._families


def make(client_id: int | None, now: datetime) -> bytes:
    """A page from the database."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures([*_objectives(client_id, now), *_totals(client_id, now)]))
    return generate_latest(registry)


def _objectives(client_id: int | None, now: datetime) -> Iterator[Metric]:
    names = {
        "compliance_ratio": "Good events of all valid ones in the last 30 days.",
        "attained": "The last 30 days: percent of good events, mean rating, or value of a limit.",
        "promised": "What is promised, in the unit of aiosmon_objective_attained.",
        "kept": "1: kept over the last 30 days, 0: broken. Missing: no verdict.",
        "events": "Valid events in the last 30 days.",
        "error_budget_left_ratio": "Share of the 30-day error budget; below 0: overspent.",
    }
    families = {
        name: GaugeMetricFamily(f"aiosmon_objective_{name}", text, labels=LABELS)
        for name, text in names.items()
    }
    burns = GaugeMetricFamily(
        "aiosmon_objective_burn_rate",
        "Bad share over allowed share in the window; at 1 the budget lasts its 30 days.",
        labels=[*LABELS, "window"],
    )
    clients = Client.objects.filter(active=True).order_by("pk")
    for client in clients.filter(pk=client_id) if client_id else clients:
        for one in _over(client, PERIOD, now):
            for name, value in _figures(one).items():
                _add(families[name], _labels(client, one), value)
        for window, length in BURNS.items():
            for one in _over(client, length, now):
                _add(burns, [*_labels(client, one), window], one.burn)
    yield from families.values()
    yield burns


def _over(client: Client, length: timedelta, now: datetime) -> list[Standing]:
    span = periods.rolling(now, length)
    found = standings(client, span.start, span.end, now)
    # An objective that ended, or was replaced by the client's own, within the period is past.
    return [one for one in found if one.end == span.end]


def _figures(one: Standing) -> dict[str, float | None]:
    shared = one.version.kind in {Kind.LATENCY, Kind.AVAILABILITY} and one.sums.total
    return {
        "compliance_ratio": one.sums.good / one.sums.total if shared else None,
        "attained": one.attained,
        "promised": one.required,
        "kept": _JUDGED.get(one.status),
        "events": one.sums.total,
        "error_budget_left_ratio": one.budget_left,
    }


def _labels(client: Client, one: Standing) -> list[str]:
    return [client.code, one.slo.base, one.version.kind, one.version.component]


def _add(family: GaugeMetricFamily, labels: list[str], value: float | None) -> None:
    if value is not None and math.isfinite(value):
        family.add_metric(labels, value)


def _totals(client_id: int | None, now: datetime) -> Iterator[Metric]:
    """What came in today (UTC), and what is open."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    own = Q(api_key__client=client_id) if client_id else Q()
    came = IntakeMinute.objects.filter(own, minute__gte=midnight).aggregate(
        stored=Sum("stored"), rejected=Sum("rejected")
    )
    for name, what in (("ingested", "stored"), ("rejected", "rejected")):
        text = f"Rows {what} since midnight UTC."
        yield GaugeMetricFamily(f"aiosmon_rows_{name}_today", text, value=came[what] or 0)
    mine = Q(client=client_id) if client_id else Q()
    counted = Alert.objects.filter(mine).exclude(status=Status.RESOLVED).order_by()
    by_severity = dict(counted.values_list("severity").annotate(Count("pk")))
    alerts = GaugeMetricFamily("aiosmon_alerts_open", "Open alerts.", labels=["severity"])
    for severity in Severity:
        alerts.add_metric([severity.value], by_severity.get(severity.value, 0))
    yield alerts
    text = "When these figures were read; they are kept for some seconds."
    yield GaugeMetricFamily("aiosmon_figures_timestamp_seconds", text, value=now.timestamp())


PAGES = Pages(make)
