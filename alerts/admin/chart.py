"""What the alert's chart draws: its metric over time, the promise, and what happened around it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.urls import reverse

from accounts import visibility
from accounts.models import PLATFORM, User
from alerts.admin import page
from alerts.figures import figures
from alerts.models import Alert
from metrics import series
from metrics.models import Deployment, PerformanceBaseline
from metrics.probes.runs import Runs
from metrics.series import Asked
from metrics.units import Unit
from slas import sli_series
from slas.models import Slo
from slas.objectives import Kind

SPANS = {"6h": timedelta(hours=6), "1d": timedelta(days=1), "7d": timedelta(days=7)}
LEAST_BEFORE, LEAST_AFTER = timedelta(hours=1), timedelta(minutes=15)
LONGEST = timedelta(days=7)
MOST_MARKS = 20
# Steps × units: a metric has one unit, and few have had two.
MOST_POINTS = 4_000
Values = list[float | None]


@dataclass(frozen=True)
class Line:
    """One curve; None where nothing was measured."""

    name: str
    values: Values


@dataclass(frozen=True)
class Level:
    """A level to compare with."""

    value: float
    name: str


@dataclass(frozen=True)
class Band:
    """A span of time, in seconds from 1970."""

    start: float
    end: float
    kind: str  # "open" or "window"
    name: str


@dataclass(frozen=True)
class Mark:
    """Something that happened, in seconds from 1970."""

    at: float
    kind: str  # "deployment" or "alert"
    name: str
    url: str


@dataclass(frozen=True)
class Chart:
    """Everything, ready for JSON; times are seconds from 1970."""

    title: str
    unit: str
    start: float
    end: float
    step: float
    times: list[float]
    lines: list[Line]
    target: Level | None
    baseline: Level | None
    bands: list[Band]
    marks: list[Mark]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured in the span."""
        return all(value is None for line in self.lines for value in line.values)

    def as_json(self) -> dict[str, Any]:
        """For the page's script."""
        return {**asdict(self), "empty": self.is_empty}


@dataclass(frozen=True)
class _Span:
    since: datetime
    until: datetime
    step: timedelta


def of(alert: Alert, user: User | AnonymousUser, now: datetime, span: str = "") -> Chart:
    """The chart around the breach, or of the last ``span`` (of SPANS) of the alert's life."""
    asked = _span(alert, now, SPANS.get(span))
    times = [asked.since + index * asked.step for index in range(_steps(asked))]
    title, lines = _lines(alert, asked, times)
    target = _target(alert)
    return Chart(
        title=title,
        unit="%" if alert.unit == Unit.PERCENT or "probe" in alert.evidence else alert.unit,
        start=asked.since.timestamp(),
        end=asked.until.timestamp(),
        step=asked.step.total_seconds(),
        times=[time.timestamp() for time in times],
        lines=lines,
        target=target,
        baseline=_baseline(alert),
        bands=_bands(alert, now),
        marks=[*_deployments(alert, asked), *_alerts(alert, user, asked)],
    )


def _span(alert: Alert, now: datetime, length: timedelta | None) -> _Span:
    """From well before the breach to shortly after it, or to now."""
    end = min(now, (alert.resolved_at or now) + LEAST_AFTER)
    window = alert.evidence.get("window") or {}
    start = datetime.fromisoformat(window["start"]) if window else alert.created_at
    began = min(start, alert.created_at)
    since = end - length if length else max(began - max(LEAST_BEFORE, end - began), end - LONGEST)
    step = series.usual_step(end - since)
    return _Span(*series.aligned(since, end, step), step)


def _steps(span: _Span) -> int:
    return (span.until - span.since) // span.step


def _lines(alert: Alert, span: _Span, times: list[datetime]) -> tuple[str, list[Line]]:
    kind = alert.evidence.get("kind", "")
    if kind == Kind.SATISFACTION:
        return "Mean rating", [Line("Mean rating", _ratings(alert, span, times))]
    if "probe" in alert.evidence:
        return "Successful runs", [Line("Successful", _runs(alert, span, times))]
    found = _points(alert, span)
    if kind == Kind.AVAILABILITY:
        title = f"Successful requests, {alert.metric_name}"
        return title, [Line("Successful", _values(found, times, _successful))]
    first, others = _wanted(alert, kind)
    lines = [
        Line(_LABELS[name], _values(found, times, attrgetter(name))) for name in (first, *others)
    ]
    return f"{_LABELS[first]} of {alert.metric_name}", lines


def _successful(point: series.Point) -> float | None:
    return 100.0 * point.succeeded / point.count if point.count else None


_LABELS = {
    "p50": "Median",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "mean": "Mean",
    "max": "Largest",
}


def _wanted(alert: Alert, kind: str) -> tuple[str, list[str]]:
    """The figure that the promise is about, and what helps to read it."""
    rule = alert.evidence.get("rule") or {}
    if kind in {Kind.LIMIT, "at_least"}:
        aggregate = rule.get("aggregate", "")
        return ("max", ["mean"]) if aggregate == "max" else ("mean", ["max"])
    if kind == Kind.LATENCY or alert.unit in {Unit.MILLISECONDS, Unit.SECONDS}:
        share = rule.get("share") or 95.0
        nearest = min(("p50", "p90", "p95", "p99"), key=lambda name: abs(float(name[1:]) - share))
        return nearest, [] if nearest == "p50" else ["p50"]
    return "mean", []


def _points(alert: Alert, span: _Span) -> list[series.Point]:
    chosen = alert.evidence.get("selection") or {}
    filters: dict[str, Any] = {"component": alert.component, "client_id": alert.client_id}
    for name in ("model", "query_complexity"):
        if chosen.get(name):
            filters[name] = chosen[name]
    if chosen and not chosen.get("include_synthetic") and alert.client.code != PLATFORM:
        filters["synthetic"] = False
    asked = Asked(alert.metric_name, span.since, span.until, span.step, filters=filters)
    found = series.points(asked, MOST_POINTS)
    units = Counter(one.unit for one in found)
    wanted = chosen.get("measurement_unit") or alert.unit
    unit = wanted if wanted in units else max(units, key=lambda one: units[one], default="")
    return [one for one in found if one.unit == unit]


def _values(
    found: Iterable[series.Point],
    times: list[datetime],
    value: Callable[[series.Point], float | None],
) -> Values:
    by_start = {one.start: value(one) for one in found}
    return [by_start.get(time) for time in times]


def _runs(alert: Alert, span: _Span, times: list[datetime]) -> Values:
    """The share of the probe's own runs that succeeded; other probes share its metric."""
    chosen = alert.evidence["selection"]
    asked = Runs(chosen["client_id"], chosen["probe"], chosen["metric_name"])
    counted = asked.by_step(span.since, span.until, span.step)
    return [
        100.0 * counted[time][1] / counted[time][0] if time in counted else None for time in times
    ]


def _ratings(alert: Alert, span: _Span, times: list[datetime]) -> Values:
    """Ratings come on rows of many metrics: they are counted by objective, not by metric."""
    mine = Slo.objects.filter(base=alert.objective)
    slo = mine.filter(client_id=alert.client_id).first() or mine.filter(client=None).first()
    if slo is None:
        return [None] * len(times)
    found = sli_series.points(
        slo.pk, [alert.client_id], span.since, span.until, span.step, len(times)
    )
    means = {one.start: one.sums.mean for one in found}
    return [means.get(time) for time in times]


def _target(alert: Alert) -> Level | None:
    if "probe" in alert.evidence:
        return None
    rule = alert.evidence.get("rule") or {}
    if alert.evidence.get("kind") == Kind.AVAILABILITY:
        return Level(rule["share"], f"Promised: at least {rule['share']:g} %")
    _measured, promised = figures(alert)
    return Level(alert.threshold_value, f"Promised {promised}")


def _baseline(alert: Alert) -> Level | None:
    """The one that the evidence names; else the client's active one, or all clients'.

    Without evidence of one it must have been measured under the same conditions.
    """
    if named := alert.evidence.get("baseline"):
        return Level(named["value"], f"Baseline {named['value']:g}")
    chosen = alert.evidence.get("selection") or {}
    found = PerformanceBaseline.objects.filter(
        Q(client=alert.client_id) | Q(client=None),
        metric_name=alert.metric_name,
        component=alert.component,
        active=True,
        measurement_unit=chosen.get("measurement_unit") or alert.unit,
    ).order_by("client_id", "-measurement_date")
    # NULLs are last in PostgreSQL: the client's own comes first.
    for one in found[:MOST_MARKS]:
        conditions = one.test_conditions if isinstance(one.test_conditions, dict) else {}
        asked = conditions.get("query_complexity")
        if asked in {None, chosen.get("query_complexity") or None}:
            return Level(one.baseline_value, f"Baseline {one.baseline_value:g}")
    return None


def _bands(alert: Alert, now: datetime) -> list[Band]:
    end = alert.resolved_at or now
    bands = [Band(alert.created_at.timestamp(), end.timestamp(), "open", "Alert open")]
    if window := alert.evidence.get("window"):
        start, until = (datetime.fromisoformat(window[key]) for key in ("start", "end"))
        bands.append(Band(start.timestamp(), until.timestamp(), "window", "Window judged"))
    return bands


def _deployments(alert: Alert, span: _Span) -> list[Mark]:
    found = Deployment.objects.filter(
        Q(client=alert.client_id) | Q(client=None),
        component=alert.component,
        deployed_at__gte=span.since,
        deployed_at__lt=span.until,
    ).order_by("-deployed_at")[:MOST_MARKS]
    url = reverse("admin:metrics_deployment_changelist")
    return [
        Mark(
            one.deployed_at.timestamp(),
            "deployment",
            f"Deployment: {one.service_name} {one.version}",
            one.url or url,
        )
        for one in found
    ]


def _alerts(alert: Alert, user: User | AnonymousUser, span: _Span) -> list[Mark]:
    """Other alerts of the component or the incident that opened in the span."""
    near = Q(component=alert.component)
    if alert.incident_id:
        near |= Q(incident_id=alert.incident_id)
    found = visibility.limit(
        Alert.objects.filter(near, created_at__gte=span.since, created_at__lt=span.until), user
    ).exclude(pk=alert.pk)
    return [
        Mark(
            one.created_at.timestamp(),
            "alert",
            f"#{one.pk} {page.title(one)}",
            reverse("admin:alerts_alert_change", args=[one.pk]),
        )
        for one in found.order_by("-impact_score", "-created_at")[:MOST_MARKS]
    ]
