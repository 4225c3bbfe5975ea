"""What went on around a breach: the version that holds, the baseline, deployments, alerts, times.

An alert is read by people who may see its client alone: nothing here names another client.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import F, Q

from alerts.models import Alert
from alerts.raising import wording
from metrics.models import Deployment, PerformanceBaseline
from slas import exclusions, known_versions, names
from slas.compliance import Finding
from slas.models import Exclusion, SloVersion
from slas.objectives import Kind
from slas.windows import Span

# How long before the window a change may still be its cause.
NEAR = timedelta(minutes=30)
MOST = 10
T = TypeVar("T")


class Seen:
    """What was looked up in one pass: the alerts of a client mostly ask for the same."""

    def __init__(self) -> None:
        self._found: dict[tuple[Any, ...], Any] = {}

    def once(self, asked: tuple[Any, ...], look: Callable[[], T]) -> T:
        """What ``look`` finds, at the first time."""
        if asked not in self._found:
            self._found[asked] = look()
        found: T = self._found[asked]
        return found


def versions(client_id: int, keys: Collection[str], at: datetime) -> dict[str, SloVersion]:
    """The versions of a client's objectives in force, by the objective's key; those noted yet.

    The client's own takes the place of a default one.
    """
    mine = Q(slo__client=None) | Q(slo__client=client_id)
    known = SloVersion.objects.filter(mine, slo__base__in=keys, valid_from__lte=at)
    in_force = known.exclude(valid_until__lte=at).order_by(F("slo__client").asc(nulls_first=True))
    return {one.slo.base: one for one in known_versions.read(in_force)}


def baseline(finding: Finding, seen: Seen) -> dict[str, Any] | None:
    """The active baseline that fits the objective best: the client's own, then the newest."""
    objective = finding.objective
    if not objective.metric_name or objective.kind == Kind.SATISFACTION:
        return None
    what = (objective.metric_name, objective.component, str(objective.unit), finding.client_id)
    found = seen.once(("baselines", *what), lambda: _baselines(*what))
    fitting = [one for one in found if _fits(one.test_conditions, finding)]
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


def concurrent(finding: Finding, mark: str, seen: Seen) -> dict[str, Any]:
    """What went on near a breach; ``mark`` is the alert's own fingerprint."""
    objective = finding.objective
    kind = wording.alert_type(objective).value
    about = Subject(finding.client_id, objective.component, objective.key, kind, mark)
    return near(about, finding.start, finding.end, seen)


def near(
    about: Subject, start: datetime, end: datetime, seen: Seen | None = None
) -> dict[str, Any]:
    """Deployments, the client's other alerts and exclusions from NEAR before the start on.

    At most MOST of each, the newest first.
    """
    since, seen = start - NEAR, seen or Seen()
    span = (about.client_id, since, end)
    return {
        "since": since.isoformat(),
        "until": end.isoformat(),
        "deployments": _deployments(
            about, seen.once(("deployments", *span), lambda: _deployed(*span))
        ),
        "alerts": _alerts(about, seen.once(("alerts", *span), lambda: _alerted(*span))),
        "alerts_of_other_clients": _elsewhere(about, end),
        "exclusions": _exclusions(about, seen.once(("excluded", *span), lambda: _excluded(*span))),
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


def _baselines(
    metric_name: str, component: str, unit: str, client_id: int
) -> list[PerformanceBaseline]:
    found = PerformanceBaseline.objects.filter(
        Q(client=None) | Q(client=client_id),
        active=True,
        metric_name=metric_name,
        component=component,
        measurement_unit=unit,
    ).order_by(F("client").asc(nulls_last=True), "-measurement_date", "-id")
    return list(found[:MOST])


def _deployed(client_id: int, since: datetime, until: datetime) -> list[Deployment]:
    mine = Q(client=None) | Q(client=client_id)
    return list(Deployment.objects.filter(mine, deployed_at__range=(since, until))[: 5 * MOST])


def _deployments(about: Subject, found: list[Deployment]) -> list[dict[str, Any]]:
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
        for one in sorted(found, key=lambda one: one.component != about.component)[:MOST]
    ]


def _alerted(client_id: int, since: datetime, until: datetime) -> list[Alert]:
    found = Alert.objects.filter(
        Q(resolved_at=None) | Q(resolved_at__gte=since), client=client_id, created_at__lte=until
    ).order_by("-created_at")
    names_of = ("fingerprint", "objective", "metric_name", "component", "severity", "created_at")
    # One may be the alert itself.
    return list(found.only(*names_of)[: MOST + 1])


def _alerts(about: Subject, found: list[Alert]) -> list[dict[str, Any]]:
    others = [one for one in found if one.fingerprint != about.mark]
    return [
        {
            "id": one.pk,
            "what": names.in_words(one.objective or one.metric_name),
            "component": one.component,
            "severity": one.severity,
            "opened_at": one.created_at.isoformat(),
        }
        for one in others[:MOST]
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


def _excluded(
    client_id: int, since: datetime, until: datetime
) -> list[tuple[Exclusion, list[Span]]]:
    return [
        (one, exclusions.occurrences(one, since, until))
        for one in exclusions.in_force(client_id, since, until)
    ]


def _exclusions(about: Subject, found: list[tuple[Exclusion, list[Span]]]) -> list[dict[str, Any]]:
    told = [
        {
            "id": one.pk,
            "category": one.category,
            "reason": one.reason,
            "start": start.isoformat(),
            "end": end.isoformat(),
        }
        for one, times in found
        if one.objective in {"", about.objective} and one.component in {"", about.component}
        for start, end in times
    ]
    return told[-MOST:]
