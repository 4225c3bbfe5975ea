"""What the alert's page shows, put in words; the template only places it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from alerts.admin import badges
from alerts.models import Alert, AlertEvent, AlertType
from metrics import formats
from metrics.models import Component
from metrics.units import Unit
from slas import names

MOST_EVENTS = 200


@dataclass(frozen=True)
class Fact:
    """One line of evidence."""

    name: str
    value: str


@dataclass(frozen=True)
class Request:
    """One of the worst requests."""

    request_id: str
    url: str
    value: str
    outcome: str
    failed: bool
    at: datetime


@dataclass(frozen=True)
class Step:
    """One entry of the timeline."""

    kind: str
    label: str
    who: str
    at: datetime
    change: tuple[SafeString, ...]
    note: str


@dataclass(frozen=True)
class AlertPage:
    """The whole page."""

    alert: Alert
    what: str
    severity: SafeString
    status: SafeString
    kind: str
    component: str
    measured: str
    promised: str
    age: str
    facts: list[Fact]
    worst: list[Request]
    worst_title: str
    steps: list[Step]
    promise_url: str
    rows_url: str


def of(alert: Alert, now: datetime) -> AlertPage:
    """The page of one alert, at ``now``."""
    component = Component.objects.filter(code=alert.component).first()
    events = alert.events.select_related("actor")[:MOST_EVENTS]
    measured, promised = figures(alert)
    return AlertPage(
        alert=alert,
        what=names.in_words(alert.objective or alert.metric_name),
        severity=badges.severity(alert.severity),
        status=badges.status(alert.status),
        kind=AlertType(alert.alert_type).label,
        component=component.name if component else alert.component,
        measured=measured,
        promised=promised,
        age=formats.age((alert.resolved_at or now) - alert.created_at),
        facts=evidence_facts(alert.evidence),
        worst=[_request(row, alert) for row in alert.evidence.get("worst", [])],
        worst_title=_worst_title(alert.alert_type),
        steps=[_step(event) for event in events],
        promise_url=_promise_url(alert.objective),
        rows_url=_rows_url(alert),
    )


def figures(alert: Alert) -> tuple[str, str]:
    """Measured and promised, with their unit and the side on which the figure must stay.

    A latency promise can be broken by requests that fail although those that
    succeed are fast. Then the percentile would look kept: the share is shown.
    """
    is_limit = alert.alert_type == AlertType.RESOURCE_LIMIT
    at_least = alert.unit in {Unit.PERCENT, Unit.SCORE, Unit.ACCURACY} and not is_limit
    if not at_least and not is_limit and alert.actual_value <= alert.threshold_value:
        rule, counts = alert.evidence.get("rule"), alert.evidence.get("counts")
        if rule and counts:
            within = formats.measure(rule["good_within"], alert.unit)
            good = formats.share(counts["good"], counts["total"])
            return good, f"≥{formats.NBSP}{rule['share']:g}{formats.NBSP}% within {within}"
    measured, promised = formats.measures(alert.actual_value, alert.threshold_value, alert.unit)
    return measured, f"{'≥' if at_least else '≤'}{formats.NBSP}{promised}"


def comparison(alert: Alert) -> str:
    """Measured against promised, in one cell of a list."""
    measured, promised = figures(alert)
    return f"{measured} / {promised}"


def evidence_facts(evidence: dict[str, Any]) -> list[Fact]:
    """Window, selection, rule, counts and values, without what says nothing."""
    window = evidence.get("window") or {}
    facts = [Fact("Window", _window(window))] if window else []
    rule = evidence.get("rule") or {}
    kind, unit = evidence.get("kind", ""), rule.get("unit", "")
    value_unit = unit if kind in {"latency", "limit", "at_least"} else "ms"
    facts += _rule_facts(kind, rule, value_unit)
    facts += _fired_facts(evidence.get("fired"))
    facts += _count_facts(kind, evidence.get("counts") or {})
    facts += _value_facts(kind, evidence.get("values") or {}, value_unit, rule.get("share"))
    if reason := evidence.get("severity_reason"):
        facts.append(Fact("Why this severity", reason))
    selection = evidence.get("selection") or {}
    told = ("metric_name", "component", "query_complexity", "model")
    chosen = ", ".join(str(selection[name]) for name in told if selection.get(name))
    return [*facts, Fact("Rows counted", chosen)] if chosen else facts


def _window(window: dict[str, str]) -> str:
    start = datetime.fromisoformat(window["start"])
    end = datetime.fromisoformat(window["end"])
    return f"{start:%Y-%m-%d %H:%M:%S} – {end:%H:%M:%S} UTC ({formats.age(end - start)})"


def _rule_facts(kind: str, rule: dict[str, Any], value_unit: str) -> list[Fact]:
    if kind in {"latency", "availability"}:
        within = formats.measure(rule["good_within"], value_unit)
        text = f"{rule['share']:g} % must succeed within {within}"
    elif kind == "satisfaction":
        text = f"mean rating at least {formats.measure(rule['threshold'], 'score')}"
    elif kind == "limit":
        limit = formats.measure(rule["threshold"], value_unit)
        text = f"{rule['aggregate']} of the window at most {limit}"
    elif kind == "at_least":
        text = f"{rule['aggregate']} of the window at least {rule['threshold']:g}"
    else:
        return []
    return [Fact("Rule", f"{text}, from {rule['minimum']} measurements up")]


def _fired_facts(fired: dict[str, Any] | None) -> list[Fact]:
    if not fired:
        return []
    kind = "pages" if fired["pages"] else "ticket"
    facts = [Fact("Fired", f"{fired['rule']} ({kind}), burn rate over {fired['threshold']:.3g}")]
    for name in ("long", "short"):
        seen = fired[name]
        length = formats.age(timedelta(seconds=seen["seconds"]))
        burn = "–" if seen["burn"] is None else formats.number(seen["burn"])
        text = f"{burn} over {length}: {seen['bad']:,} bad of {seen['total']:,}"
        facts.append(Fact(f"Burn, {name} window", text))
    return facts


def _count_facts(kind: str, counts: dict[str, Any]) -> list[Fact]:
    if not counts:
        return []
    total, succeeded = counts["total"], counts["succeeded"]
    if kind == "satisfaction":
        return [Fact("Ratings", f"{counts['votes']:,}")]
    if kind in {"limit", "at_least"}:
        return [Fact("Values", f"{total:,}")]
    good = counts["good"]
    facts = [
        Fact("Requests", f"{total:,}"),
        Fact("Good", f"{good:,} ({formats.share(good, total)})"),
        Fact("Too slow", f"{succeeded - good:,}"),
        Fact("Failed or unanswered", f"{total - succeeded:,}"),
    ]
    return [*facts, Fact("Signed-in users hit", f"{counts['users']:,}")]


def _value_facts(
    kind: str, values: dict[str, float | None], unit: str, share: float | None
) -> list[Fact]:
    if kind == "satisfaction":
        return [Fact("Mean rating", formats.measure(values.get("rating"), "score"))]
    labels = {"median": "Median", "mean": "Mean", "largest": "Largest"}
    if share and kind not in {"limit", "at_least"}:
        labels = {"median": "Median", "percentile": f"p{share:g}", "largest": "Largest"}
    return [
        Fact(label, formats.measure(values[name], unit))
        for name, label in labels.items()
        if values.get(name) is not None
    ]


def _request(row: dict[str, Any], alert: Alert) -> Request:
    # An availability alert is in percent, its requests are in the time they took.
    is_share = alert.alert_type == AlertType.SLA_BREACH and alert.unit == Unit.PERCENT
    unit = Unit.MILLISECONDS if is_share else alert.unit
    request_id = row.get("request_id") or ""
    failed = not row["success"]
    return Request(
        request_id=request_id,
        url=_rows({"q": request_id}) if request_id else "",
        value=formats.measure(row["value"], unit),
        outcome=(row.get("error") or "Failed") if failed else "OK",
        failed=failed,
        at=datetime.fromisoformat(row["timestamp"]),
    )


def _step(event: AlertEvent) -> Step:
    statuses = [s for s in (event.from_status, event.to_status) if s]
    return Step(
        kind=event.kind,
        label=AlertEvent.Kind(event.kind).label,
        who=str(event.actor or "the portal"),
        at=event.at,
        change=tuple(badges.status(s) for s in dict.fromkeys(statuses)),
        note=event.note,
    )


def _worst_title(alert_type: str) -> str:
    titles: dict[str, str] = {
        AlertType.USER_SATISFACTION: "Lowest-rated requests",
        AlertType.RESOURCE_LIMIT: "Largest values",
    }
    return titles.get(alert_type, "Worst requests")


def _promise_url(objective: str) -> str:
    promise, _, rest = objective.partition(":")
    code, _, name = rest.rpartition(":")
    view = {"sla": "sla", "model": "modeltarget", "limit": "resourcelimit"}.get(promise)
    if view is None:
        return ""
    query = {"q": name, "component": code} if promise == "limit" else {"q": code}
    return f"{reverse(f'admin:slas_{view}_changelist')}?{urlencode(query)}"


def _rows_url(alert: Alert) -> str:
    query = {"component": alert.component, "client": alert.client_id}
    # Ratings are no metric of their own: they come on rows of many metrics.
    if alert.alert_type != AlertType.USER_SATISFACTION:
        query["q"] = alert.metric_name
    return _rows(query)


def _rows(query: dict[str, Any]) -> str:
    return f"{reverse('admin:metrics_performancemetric_changelist')}?{urlencode(query)}"
