"""The recommended action: the promise's own, then the playbook that fits the alert best."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alerts import matching
from alerts.models import Alert, Playbook
from metrics import formats
from slas import names

UNKNOWN = "unknown"
# What a body may name, and what each stands for; the admin lists them.
PLACEHOLDERS = {
    "what": "the promise in words",
    "client": "the client's name",
    "component": "the component's code",
    "metric": "the metric's name",
    "model": "the ML model",
    "severity": "how grave the alert is",
    "measured": "what was measured, with its unit",
    "promised": "what was promised, with its unit",
    "baseline": "the active baseline, with its unit",
    "p50": "the median of the window",
    "p95": "the 95th percentile of the window",
    "window": "the window's length",
    "total": "how many were counted",
    "bad": "how many of them were bad",
    "failed": "how many failed or gave no answer",
    "slow": "how many succeeded, but too late",
    "users": "how many signed-in users were hit",
    "worst_request": "the id of the worst request",
    "deployment": "the last deployment near, with its time",
    "burn": "how many times too fast the error budget is spent",
    "budget_left": "what is left of the 30-day error budget",
    "exhausted_at": "when the budget is spent at this rate",
}
_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
# What could make a link, an element or a code span of a value that a service sent.
_UNSAFE = re.compile(r"[`<>\[\]\x00-\x1f\x7f]+")
_LONGEST = 120


def unknown(body: str) -> list[str]:
    """What a body names that there is not, in its order."""
    named = dict.fromkeys(_PLACEHOLDER.findall(body))
    return [name for name in named if name not in PLACEHOLDERS]


def fill(body: str, values: Mapping[str, str]) -> str:
    """The body with its placeholders filled in; what is not known is said to be."""
    return _PLACEHOLDER.sub(lambda found: _safe(values.get(found[1]) or UNKNOWN), body)


def values(alert: Alert) -> dict[str, str]:
    """What the placeholders stand for; the alert need not be stored yet. Missing: not known."""
    evidence, impact = alert.evidence, alert.impact
    counts, figures = evidence.get("counts") or {}, evidence.get("values") or {}
    unit = _unit(alert)
    found: dict[str, Any] = {
        "what": names.in_words(alert.objective or alert.metric_name),
        "client": alert.client.name,
        "component": alert.component,
        "metric": alert.metric_name,
        "model": alert.model,
        "severity": alert.severity,
        "measured": formats.measure(alert.actual_value, alert.unit),
        "promised": formats.measure(alert.threshold_value, alert.unit),
        "baseline": _baseline(evidence),
        "p50": _measured(figures.get("p50"), unit),
        "p95": _measured(figures.get("p95"), unit),
        "window": _window(evidence),
        "total": _count(impact.get("total")),
        "bad": _count(impact.get("bad")),
        "users": _count(impact.get("users")),
        "worst_request": next(
            (one["request_id"] for one in evidence.get("worst") or [] if one.get("request_id")), ""
        ),
        "deployment": _deployment(evidence),
        "burn": _measured(impact.get("burn"), ""),
        "budget_left": _left(impact.get("budget_left")),
        "exhausted_at": _time(impact.get("exhausted_at")),
    }
    if counts:
        found["failed"] = _count(counts["total"] - counts["succeeded"])
        found["slow"] = _count(counts["succeeded"] - counts["good"])
    return found


def best(alert: Alert, shelf: Iterable[Playbook] | None = None) -> Playbook | None:
    """The playbook with the largest priority of those that fit; by name where they are equal."""
    if shelf is None:
        shelf = Playbook.objects.filter(enabled=True)
    facts = matching.facts(alert)
    fitting = [one for one in shelf if one.enabled and matching.matches(one.matchers, facts)]
    return min(fitting, key=lambda one: (-one.priority, one.name), default=None)


def render(playbook: Playbook, alert: Alert) -> str:
    """A playbook's text for the alert, with its runbook."""
    text = fill(playbook.body, values(alert)).strip()
    runbook = f"\n\nRunbook: <{playbook.runbook_url}>" if playbook.runbook_url else ""
    return f"{text}{runbook}"


def action(alert: Alert, own: str = "", shelf: Iterable[Playbook] | None = None) -> str | None:
    """What to do first, in Markdown: the promise's own advice, then the playbook's; None: neither.

    The alert need not be stored yet, but has its client, evidence and impact.
    """
    playbook = best(alert, shelf)
    parts = [own.strip(), render(playbook, alert) if playbook else ""]
    return "\n\n".join(part for part in parts if part) or None


def _safe(text: str) -> str:
    cleaned = _UNSAFE.sub(" ", text).strip()
    return cleaned if len(cleaned) <= _LONGEST else cleaned[: _LONGEST - 1] + "…"


def _unit(alert: Alert) -> str:
    """Of the values: an availability alert is in percent, its requests in the time they took."""
    return "ms" if alert.evidence.get("kind") == "availability" else alert.unit


def _measured(value: float | None, unit: str) -> str:
    return "" if value is None else formats.measure(value, unit)


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _baseline(evidence: Mapping[str, Any]) -> str:
    found = evidence.get("baseline")
    return formats.measure(found["value"], found["unit"]) if found else "no active baseline"


def _window(evidence: Mapping[str, Any]) -> str:
    window = evidence.get("window")
    if not window:
        return ""
    start, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
    return formats.age(end - start)


def _deployment(evidence: Mapping[str, Any]) -> str:
    near = evidence.get("concurrent")
    if not near:
        return ""
    if not near["deployments"]:
        return "none near"
    one = near["deployments"][0]
    return f"{one['service']} {one['version']} at {_time(one['at'])}"


def _left(share: float | None) -> str:
    if share is None:
        return "no budget known"
    return formats.share(share, 1) if share > 0 else "nothing"


def _time(text: str | None) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC" if text else ""
