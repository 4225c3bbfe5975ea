"""Where data used to come and none comes any more: an alert of its own, for each component.

One for all objectives of a client on the component: it is one thing that happened. Missing data
never ends another alert; those that stay open say so.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from accounts.models import Client
from alerts import fingerprints
from alerts.models import Alert, AlertType, Status
from alerts.raising import impact, passing, playbooks, severity, wording
from alerts.raising.opening import Draft, open_alerts
from alerts.raising.passing import Pass
from alerts.triage import flapping, lifecycle
from metrics import formats
from metrics.units import Unit
from slas import names, silence
from slas.compliance import Finding
from slas.models import Criticality, Verdict
from slas.silence import Quiet

Key = tuple[int, str]  # client, component
METRIC = "time_since_last_row"
MOST_NAMED = 5


def fingerprint(client_id: int, component: str) -> str:
    """What makes two silences the same alert."""
    return fingerprints.of(AlertType.NO_DATA, component, str(client_id))


def follow(findings: Iterable[Finding], done: Pass, now: datetime) -> None:
    """Open an alert for each component that fell silent, end those of which data comes again.

    Only where a promise can't be judged for it. What that came to is added to ``done``.
    """
    waiting: dict[Key, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.status == Verdict.Status.NO_DATA:
            waiting[finding.client_id, finding.objective.component].append(finding)
    known = passing.still_open().filter(alert_type=AlertType.NO_DATA)
    known_open = {(alert.client_id, alert.component): alert for alert in known}
    quiet = silence.components(now) if waiting or known_open else {}
    new = [
        _alert(key, quiet[key], found, done.known.names[key[0]], now)
        for key, found in waiting.items()
        if key in quiet and key not in known_open and _is_news(key, quiet[key])
    ]
    opened = open_alerts([Draft(alert, alert.alert_message) for alert in new])
    done.opened += len(opened) - opened.count(None)
    for key, alert in known_open.items():
        if key not in quiet:
            note = f"Data comes again from {key[1]}."
            done.resolved += flapping.recover(alert.pk, note)


def say(alert: Alert, finding: Finding) -> None:
    """Add to an open alert's message, once, that it can't be judged at present."""
    if finding.silent_since is None or _TOLD in alert.alert_message:
        return
    text = f"{alert.alert_message} {_TOLD} {finding.silent_since:%Y-%m-%d %H:%M} UTC."
    Alert.objects.filter(pk=alert.pk, status__in=lifecycle.OPEN).update(alert_message=text)


_TOLD = "It stays open until data shows that it is over: none has come since"


def _is_news(key: Key, quiet: Quiet) -> bool:
    """Not if a person resolved the alert of this very silence."""
    return not Alert.objects.filter(
        fingerprint=fingerprint(*key),
        status=Status.RESOLVED,
        resolved_by__isnull=False,
        resolved_at__gte=quiet.since,
    ).exists()


def _alert(key: Key, quiet: Quiet, found: list[Finding], client: str, now: datetime) -> Alert:
    client_id, component = key
    numbers = _numbers(quiet, found, client, component, now)
    alert = Alert(
        alert_type=AlertType.NO_DATA,
        component=component,
        metric_name=METRIC,
        client_id=client_id,
        fingerprint=fingerprint(client_id, component),
        objective=f"silence:{component}:no_data",
        unit=Unit.SECONDS,
        **numbers,
    )
    _judge(alert, found, now)
    return alert


def _judge(alert: Alert, found: list[Finding], now: datetime) -> None:
    """By the client's tier and the most critical of the promises that can't be judged."""
    alert.client = Client.objects.get(pk=alert.client_id)
    ranks = list(Criticality.values)
    gravest = max((str(one.objective.criticality) for one in found), key=ranks.index)
    facts = severity.Facts(AlertType.NO_DATA.value, alert.client.tier, gravest)
    graded = severity.grade(facts, severity.table())
    alert.severity, alert.severity_reason = graded.severity, graded.reason
    alert.evidence |= {"graded": asdict(facts), "severity_reason": graded.reason}
    alert.impact = {"clients": 1, "tier": alert.client.tier, "criticality": gravest}
    alert.impact_score = impact.score(alert.severity, alert.impact, now)
    alert.recommended_action = playbooks.action(alert, alert.recommended_action or "")


def _numbers(
    quiet: Quiet, found: list[Finding], client: str, component: str, now: datetime
) -> dict[str, Any]:
    keys = sorted(finding.objective.key for finding in found)
    named = ", ".join(names.in_words(key) for key in keys[:MOST_NAMED])
    more = f" and {len(keys) - MOST_NAMED} more" if len(keys) > MOST_NAMED else ""
    services = ", ".join(quiet.services)
    since = f"{quiet.since:%Y-%m-%d %H:%M} UTC"
    return {
        "threshold_value": quiet.limit.total_seconds(),
        "actual_value": round((now - quiet.since).total_seconds()),
        "alert_message": f"No data from {component} for {client} since {since} "
        f"({formats.age(now - quiet.since)}): {services} should report at least every "
        f"{wording.in_words(quiet.limit)}. Can't be judged: {named}{more}.",
        "business_impact": f"Whether {len(keys)} promises to {client} are kept is not known."[
            : impact.LENGTH
        ],
        "recommended_action": f"Check that {services} runs and reaches the portal; if it is "
        "meant to be quiet, mute it or set when it counts as silent (Reporting services).",
        "last_breach_at": now,
        "evidence": {
            "kind": "no_data",
            "silent_since": quiet.since.isoformat(),
            "services": list(quiet.services),
            "objectives": keys,
        },
    }
