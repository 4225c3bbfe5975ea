"""What went on around a breach: the version that holds, the baseline, deployments, alerts, times.

An alert is read by people who may see its client alone: nothing here names another client.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, prefetch_related_objects

from alerts.models import Alert
from alerts.raising import wording
from metrics.models import Deployment, PerformanceBaseline
from slas import exclusions, names
from slas.compliance import Finding
from slas.models import SloVersion
from slas.objectives import Kind

# How long before the window a change may still be its cause.
NEAR = timedelta(minutes=30)
MOST = 10


def version(finding: Finding) -> SloVersion | None:
    """The version of the objective in force at the window's end; None: not noted yet."""
    if finding.slo_id is not None:
        which = Q(slo=finding.slo_id)
    else:
        mine = Q(slo__client=None) | Q(slo__client=finding.client_id)
        which = Q(mine, slo__base=finding.objective.key)
    found = (
        SloVersion.objects.filter(which, valid_from__lte=finding.end)
        .exclude(valid_until__lte=finding.end)
        .order_by(F("slo__client").asc(nulls_last=True))
        .select_related("slo")
        .first()
    )
    if found is not None and found.contract_id is not None:
        # Few have one: joined, it would make every look-up three times as wide.
        prefetch_related_objects([found], "contract__client", "contract__sla")
    return found


def baseline(finding: Finding) -> dict[str, Any] | None:
    """The active baseline that fits the objective best: the client's own, then the newest."""
    objective = finding.objective
    if not objective.metric_name or objective.kind == Kind.SATISFACTION:
        return None
    found = PerformanceBaseline.objects.filter(
        Q(client=None) | Q(client=finding.client_id),
        active=True,
        metric_name=objective.metric_name,
        component=objective.component,
        measurement_unit=str(objective.unit),
    ).order_by(F("client").asc(nulls_last=True), "-measurement_date", "-id")
    fitting = [one for one in found[:MOST] if _fits(one.test_conditions, finding)]
    if not fitting:
        return None
    one = fitting[0]
    return {
        "id": one.pk,
        "value": one.baseline_value,
        "unit": one.measurement_unit,
        "measured_at": one.measurement_date.isoformat(),
        "conditions": one.test_conditions,
    }


@dataclass(frozen=True)
class Subject:
    """What an alert is about."""

    client_id: int
    component: str
    objective: str  # its key
    alert_type: str
    mark: str  # the alert's own fingerprint


def concurrent(finding: Finding, mark: str) -> dict[str, Any]:
    """What went on near a breach; ``mark`` is the alert's own fingerprint."""
    objective = finding.objective
    kind = wording.alert_type(objective).value
    about = Subject(finding.client_id, objective.component, objective.key, kind, mark)
    return near(about, finding.start, finding.end)


def near(about: Subject, start: datetime, end: datetime) -> dict[str, Any]:
    """Deployments, the client's other alerts and exclusions from NEAR before the start on.

    At most MOST of each, the newest first.
    """
    since = start - NEAR
    return {
        "since": since.isoformat(),
        "until": end.isoformat(),
        "deployments": _deployments(about, since, end),
        "alerts": _alerts(about, since, end),
        "alerts_of_other_clients": _elsewhere(about, end),
        "exclusions": _exclusions(about, since, end),
    }


def _fits(conditions: Any, finding: Finding) -> bool:
    """Whether a baseline was not measured under other conditions than are promised for."""
    if not isinstance(conditions, dict):
        return True
    asked = {
        "query_complexity": finding.objective.query_complexity,
        "model_type": finding.objective.model,
        "model": finding.objective.model,
    }
    return all(
        not wanted or name not in conditions or conditions[name] == wanted
        for name, wanted in asked.items()
    )


def _deployments(about: Subject, since: datetime, until: datetime) -> list[dict[str, Any]]:
    found = Deployment.objects.filter(
        Q(client=None) | Q(client=about.client_id), deployed_at__range=(since, until)
    )
    return [
        {
            "id": one.pk,
            "component": one.component,
            "service": one.service_name,
            "version": one.version,
            "environment": one.environment,
            "at": one.deployed_at.isoformat(),
        }
        # Those of the component itself are the likelier causes.
        for one in sorted(found[: 5 * MOST], key=lambda one: one.component != about.component)[
            :MOST
        ]
    ]


def _alerts(about: Subject, since: datetime, until: datetime) -> list[dict[str, Any]]:
    found = (
        Alert.objects.filter(
            Q(resolved_at=None) | Q(resolved_at__gte=since),
            client=about.client_id,
            created_at__lte=until,
        )
        .exclude(fingerprint=about.mark)
        .order_by("-created_at")[:MOST]
    )
    return [
        {
            "id": one.pk,
            "what": names.in_words(one.objective or one.metric_name),
            "component": one.component,
            "severity": one.severity,
            "opened_at": one.created_at.isoformat(),
        }
        for one in found
    ]


def _elsewhere(about: Subject, until: datetime) -> int:
    """How many alerts of other clients are open for the same promise: is it them, or us?"""
    return (
        Alert.objects.filter(
            Q(resolved_at=None) | Q(resolved_at__gt=until),
            alert_type=about.alert_type,
            objective=about.objective,
            created_at__lte=until,
        )
        .exclude(client=about.client_id)
        .count()
    )


def _exclusions(about: Subject, since: datetime, until: datetime) -> list[dict[str, Any]]:
    found = []
    for one in exclusions.in_force(about.client_id, since, until):
        if one.objective in {"", about.objective} and one.component in {"", about.component}:
            found += [
                {
                    "id": one.pk,
                    "category": one.category,
                    "reason": one.reason,
                    "start": start.isoformat(),
                    "end": end.isoformat(),
                }
                for start, end in exclusions.occurrences(one, since, until)
            ]
    return found[-MOST:]
