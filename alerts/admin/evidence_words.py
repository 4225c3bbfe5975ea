"""PURE: an alert's evidence in words; what it lacks is left out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.dateparse import parse_datetime

from alerts.models import Alert, AlertType
from metrics import formats
from metrics.units import Unit


@dataclass(frozen=True)
class Fact:
    """One line of evidence."""

    name: str
    value: str


@dataclass(frozen=True)
class Event:
    """Something that happened around the breach."""

    what: str
    url: str
    at: datetime | None


@dataclass(frozen=True)
class Request:
    """One of the worst requests."""

    request_id: str
    url: str
    value: str
    outcome: str
    failed: bool
    at: datetime


def evidence_facts(evidence: dict[str, Any]) -> list[Fact]:
    """Window, selection, rule, counts and values, without what says nothing."""
    window = evidence.get("window") or {}
    facts = [Fact("Window", _window(window))] if window else []
    if probe := evidence.get("probe"):
        return facts + _probe_facts(probe, evidence)
    rule = evidence.get("rule") or {}
    kind, unit = evidence.get("kind", ""), rule.get("unit", "")
    value_unit = unit if kind in {"latency", "limit", "at_least"} else "ms"
    facts += _rule_facts(kind, rule, value_unit)
    facts += _fired_facts(evidence.get("fired"))
    facts += _baseline_facts(evidence.get("baseline"))
    facts += _count_facts(kind, evidence.get("counts") or {})
    facts += _value_facts(kind, evidence.get("values") or {}, value_unit, rule.get("share"))
    if reason := evidence.get("severity_reason"):
        facts.append(Fact("Why this severity", reason))
    selection = evidence.get("selection") or {}
    told = ("metric_name", "component", "query_complexity", "model")
    chosen = ", ".join(str(selection[name]) for name in told if selection.get(name))
    return [*facts, Fact("Rows counted", chosen)] if chosen else facts


def _probe_facts(probe: dict[str, Any], evidence: dict[str, Any]) -> list[Fact]:
    """What the probe calls, how often, and what came of its runs."""
    counts, values, unit = evidence["counts"], evidence["values"], evidence["unit"]
    every = formats.age(timedelta(seconds=probe["interval_seconds"]))
    rule = (
        f"opens after {probe['alert_after']} failures in a row, "
        f"ends after {probe['recover_after']} successes"
    )
    good = evidence["last_success"]
    facts = [
        Fact("Probe", f"{probe['name']}, every {every}"),
        Fact("Target", probe["target"]),
        Fact("Time-out", formats.measure(probe["timeout_seconds"], Unit.SECONDS)),
        Fact("Rule", rule),
        Fact("Runs", f"{counts['total']:,}"),
        Fact("Failed", f"{counts['bad']:,} ({formats.share(counts['bad'], counts['total'])})"),
        Fact("Not answered", f"{counts['unanswered']:,}"),
        Fact("Longest answered failure", _took(values["largest"], unit)),
        Fact("Last success", _last_success(good, unit) if good else "none in the week before"),
        Fact("Why this severity", evidence.get("severity_reason", "")),
    ]
    return [fact for fact in facts if fact.value]


def _took(value: float | None, unit: str) -> str:
    """Only where the metric is a time does a failure's value say how long it took."""
    return formats.measure(value, unit) if value is not None and unit == Unit.MILLISECONDS else ""


def _last_success(good: dict[str, Any], unit: str) -> str:
    at = datetime.fromisoformat(good["timestamp"])
    return f"{at:%Y-%m-%d %H:%M:%S} UTC, {formats.measure(good['value'], unit)}"


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
    version = f"; version {rule['version']}" if rule.get("version") else ""
    return [Fact("Rule", f"{text}, from {rule['minimum']} measurements up{version}")]


def _fired_facts(fired: dict[str, Any] | None) -> list[Fact]:
    """Which of the burn-rate rules fired, and on what."""
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


def _baseline_facts(baseline: dict[str, Any] | None) -> list[Fact]:
    if not baseline:
        return []
    value = formats.measure(baseline["value"], baseline.get("unit", ""))
    measured = str(baseline.get("measured_at", ""))[:10]
    return [Fact("Baseline", f"{value}, measured {measured}" if measured else value)]


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


def around(evidence: dict[str, Any]) -> list[Event]:
    """Deployments, alerts and exclusions from shortly before the window on, newest first."""
    found = evidence.get("concurrent") or {}
    events = [
        Event(
            f"Deployment: {one['service']} {one['version']} ({one['component']})",
            reverse("admin:metrics_deployment_changelist"),
            parse_datetime(one["at"]),
        )
        for one in found.get("deployments", [])
    ]
    events += [
        Event(
            f"Alert #{one['id']} {one['what']}, {one['severity']}",
            reverse("admin:alerts_alert_change", args=[one["id"]]),
            parse_datetime(one["opened_at"]),
        )
        for one in found.get("alerts", [])
    ]
    events += [
        Event(
            f"Excluded ({one['category']}): {one['reason']}",
            reverse("admin:slas_exclusion_change", args=[one["id"]]),
            parse_datetime(one["start"]),
        )
        for one in found.get("exclusions", [])
    ]
    events.sort(key=lambda event: event.at.timestamp() if event.at else 0.0, reverse=True)
    if elsewhere := found.get("alerts_of_other_clients"):
        told = f"The same promise is broken for {elsewhere} other client{'s' * (elsewhere > 1)}"
        events.insert(0, Event(told, "", None))
    return events


def queries(evidence: dict[str, Any]) -> list[Fact]:
    """The addresses of the API that reproduce the numbers."""
    return [Fact(name, str(address)) for name, address in (evidence.get("queries") or {}).items()]


def worst(alert: Alert) -> list[Request]:
    """The worst requests that the evidence names."""
    return [_request(row, alert) for row in alert.evidence.get("worst", [])]


def worst_title(alert_type: str) -> str:
    """What they are called."""
    titles: dict[str, str] = {
        AlertType.USER_SATISFACTION: "Lowest-rated requests",
        AlertType.RESOURCE_LIMIT: "Largest values",
        AlertType.PROBE_FAILED: "The last failed runs",
    }
    return titles.get(alert_type, "Worst requests")


def rows_url(alert: Alert) -> str:
    """Where the rows are that the alert is about."""
    query = {"component": alert.component, "client": alert.client_id}
    # Ratings are no metric of their own: they come on rows of many metrics.
    if alert.alert_type != AlertType.USER_SATISFACTION:
        query["q"] = alert.metric_name
    return _rows(query)


def _request(row: dict[str, Any], alert: Alert) -> Request:
    # An availability alert is in percent, its requests are in the time they took.
    is_share = alert.alert_type == AlertType.SLA_BREACH and alert.unit == Unit.PERCENT
    unit = Unit.MILLISECONDS if is_share else alert.evidence.get("unit", alert.unit)
    request_id = row.get("request_id") or ""
    failed = not row["success"]
    return Request(
        request_id=request_id,
        url=_rows({"q": request_id}) if request_id else "",
        value=formats.measure(row["value"], unit) if row.get("answered", True) else "no answer",
        outcome=(row.get("error") or "Failed") if failed else "OK",
        failed=failed,
        at=datetime.fromisoformat(row["timestamp"]),
    )


def _rows(query: dict[str, Any]) -> str:
    return f"{reverse('admin:metrics_performancemetric_changelist')}?{urlencode(query)}"
