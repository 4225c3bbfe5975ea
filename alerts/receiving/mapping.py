"""PURE but for the small tables: what the labels of another system mean here.

``client`` names a client by its code (a key of one client names it by itself),
``component`` one of ours, ``severity`` (or ``priority``) how bad it is, ``model`` an
ML model. ``summary`` or ``description`` is the message, ``runbook_url`` part of the
advice, ``value`` and ``threshold`` the two figures, where they are numbers.
"""

import math
from typing import Any

from alerts import fingerprints
from alerts.models import Alert, AlertType, Severity
from alerts.receiving.posted import Told
from metrics.ingest import reference

SEVERITIES: dict[str, str] = {
    **{value: value for value in Severity.values},
    "page": Severity.HIGH,
    "error": Severity.HIGH,
    "major": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "minor": Severity.LOW,
    "info": Severity.LOW,
    "informational": Severity.LOW,
    "none": Severity.LOW,
    "emergency": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "p1": Severity.CRITICAL,
    "p2": Severity.HIGH,
    "p3": Severity.MEDIUM,
    "p4": Severity.LOW,
    "p5": Severity.LOW,
}
ELSEWHERE = "nervous_system"
METRIC_LENGTH, IMPACT_LENGTH = 100, 255


def client_of(told: Told) -> int:
    """Whose alert it is; an unknown client's goes to the platform rather than nowhere."""
    if told.key.client_id is not None:
        return told.key.client_id
    known = reference.current()
    found = known.ids.get(told.labels.get("client", ""))
    return found if found in known.active and found is not None else known.platform_id


def fingerprint(told: Told, client_id: int) -> str:
    """The same labels for the same client are the same alert, as for Alertmanager."""
    parts = [AlertType.EXTERNAL.value, str(client_id)]
    parts += [f"{name}\x1e{value}" for name, value in sorted(told.labels.items())]
    return fingerprints.of(*parts)


def severity(told: Told) -> str:
    """Ours for theirs; medium where nothing or something unknown is said."""
    said = told.labels.get("severity") or told.labels.get("priority") or ""
    return SEVERITIES.get(said.strip().lower(), Severity.MEDIUM)


def message(told: Told) -> str:
    """What people read."""
    name = told.labels.get("alertname", "An alert")
    said = [told.annotations.get(one, "").strip() for one in ("summary", "description", "message")]
    texts = list(dict.fromkeys(text for text in said if text))
    return f"{name}: {' '.join(texts)}" if texts else f"{name} fires in another system."


def advice(told: Told) -> str:
    """What to do first, as the sender says."""
    runbook = told.annotations.get("runbook_url") or told.annotations.get("runbook") or ""
    known = [told.annotations.get("recommended_action", ""), f"Runbook: {runbook}" * bool(runbook)]
    known.append(f"Its source: {told.generator_url}" * bool(told.generator_url))
    return "\n\n".join(text for text in known if text) or "Look at it where it comes from."


def alert_of(told: Told, client_id: int, mark: str) -> Alert:
    """The alert that it is here, not saved."""
    component = told.labels.get("component", "")
    known = reference.current().components
    return Alert(
        alert_type=AlertType.EXTERNAL,
        severity=severity(told),
        component=component if component in known else ELSEWHERE,
        metric_name=(told.labels.get("alertname") or "alert")[:METRIC_LENGTH],
        threshold_value=number(told.annotations.get("threshold")),
        actual_value=number(told.annotations.get("value") or told.labels.get("value")),
        business_impact=(told.annotations.get("business_impact") or "")[:IMPACT_LENGTH] or None,
        recommended_action=advice(told),
        alert_message=message(told),
        client_id=client_id,
        fingerprint=mark,
        model=told.labels.get("model", "")[:100],
        labels=told.labels,
        evidence=evidence(told),
        ends_at=told.ends_at,
        severity_reason="As the other system says.",
    )


def evidence(told: Told) -> dict[str, Any]:
    """What it came with."""
    return {
        "source": "alertmanager",
        "annotations": told.annotations,
        "generator_url": told.generator_url,
        "starts_at": told.starts_at.isoformat(),
    }


def number(text: str | None) -> float:
    """A figure, where the sender gives one; else 0, since the columns are required."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
