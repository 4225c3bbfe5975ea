"""An alert's kept numbers beside the recounted ones."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from alerts.models import Alert
from alerts.recount import probes, rows
from alerts.recount.budget import Budget, Gone
from metrics.models import Deployment, PerformanceBaseline
from slas.models import SloVersion

# Sums of floats depend on the order of adding.
CLOSE = 1e-9
# Times that follow from such figures.
CLOSE_TIME = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Difference:
    """A number that is not what a recount gives."""

    name: str
    kept: Any
    counted: Any

    def __str__(self) -> str:
        return f"{self.name}: kept {self.kept}, counted {self.counted}"


class Recount:
    """Recounts alerts one after another; ``compared`` counts the numbers held against each other.

    ``notes`` has what could not be counted again, or came later, since the last call.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.notes: list[str] = []

    def of(self, alert: Alert) -> list[Difference]:
        """Every number of the alert's evidence and impact that differs; none: all are right."""
        evidence, impact = alert.evidence, alert.impact
        self.notes = []
        if evidence.get("kind") == probes.KIND:
            return self._of_probe(alert)
        if "newest_row" not in evidence:
            self.notes.append("its evidence was not gathered from rows")
            return []
        read = rows.read(evidence)
        if came := rows.later(evidence, read):
            self.notes.append(f"{came} rows of the window were stored later and are left out")
        counted = rows.of(evidence, read)
        found = list(self._compare("", evidence, counted))
        found += self._compare("", evidence, _around(alert))
        counts, rated = counted["counts"], evidence["kind"] == rows.RATED
        again = {name: counts[name] for name in ("users", "bad")}
        again |= {"total": counts["votes" if rated else "total"]}
        again |= {"clients": counted["affected"]["clients"]}
        found += self._compare("impact.", impact, again)
        try:
            budget = Budget(evidence | counted)
            found += self._compare("", evidence, budget.windows())
            numbers = budget.numbers(credit=bool(impact.get("credit")))
            found += self._compare("impact.", impact, numbers)
        except Gone as gone:
            self.notes.append(f"the budget is not counted again: {gone}")
        return found

    def _of_probe(self, alert: Alert) -> list[Difference]:
        evidence = alert.evidence
        read = probes.read(evidence)
        if came := probes.later(evidence, read):
            self.notes.append(f"{came} runs of the window were stored later and are left out")
        counted = probes.of(evidence, read)
        found = list(self._compare("", evidence, counted | {"concurrent": _near(alert)}))
        counts = counted["counts"]
        again = {"bad": counts["bad"], "total": counts["total"]}
        found += self._compare("impact.", alert.impact, again)
        kept = {"actual_value": alert.actual_value}
        return found + list(self._compare("", kept, {"actual_value": float(counts["bad"])}))

    def _compare(
        self, path: str, kept: Mapping[str, Any], counted: Mapping[str, Any]
    ) -> Iterator[Difference]:
        for name, value in counted.items():
            before = kept.get(name)
            if isinstance(value, dict) and isinstance(before, dict):
                yield from self._compare(f"{path}{name}.", before, value)
                continue
            self.compared += 1
            if not same(before, value):
                yield Difference(f"{path}{name}", before, value)


def same(one: Any, other: Any) -> bool:
    """PURE: whether two kept figures are equal, but for rounding."""
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return all(same(one[name], other[name]) for name in one)
    if isinstance(one, str) and isinstance(other, str) and one != other:
        return _same_time(one, other)
    return bool(one == other)


def _same_time(one: str, other: str) -> bool:
    try:
        times = datetime.fromisoformat(one), datetime.fromisoformat(other)
    except ValueError:
        return False
    return abs(times[0] - times[1]) <= CLOSE_TIME


def _around(alert: Alert) -> dict[str, Any]:
    """Baseline, version and what went on near, read again by the spans and ids that are kept."""
    evidence = alert.evidence
    found: dict[str, Any] = {"rule": _rule(evidence["rule"], evidence["kind"])}
    if evidence.get("baseline"):
        one = PerformanceBaseline.objects.get(pk=evidence["baseline"]["id"])
        found["baseline"] = {"value": one.baseline_value, "unit": one.measurement_unit}
    return found | {"concurrent": _near(alert)}


def _near(alert: Alert) -> dict[str, Any]:
    """Deployments and other clients' alerts."""
    near = alert.evidence["concurrent"]
    since, until = (datetime.fromisoformat(near[name]) for name in ("since", "until"))
    others = Alert.objects.filter(created_at__lte=until).filter(
        Q(resolved_at=None) | Q(resolved_at__gt=until)
    )
    elsewhere = [
        one
        for one in others.filter(objective=alert.objective, alert_type=alert.alert_type)
        if one.client_id != alert.client_id
    ]
    deployed = Deployment.objects.filter(
        Q(client=None) | Q(client=alert.client_id), deployed_at__range=(since, until)
    )
    ids = set(deployed.values_list("pk", flat=True))
    told = [one["id"] for one in near["deployments"]]
    # Bounded: those told are among those that were, and all are told while they are few.
    right = set(told) == ids if len(ids) <= len(told) else set(told) <= ids and bool(told)
    return {
        "alerts_of_other_clients": len(elsewhere),
        "deployments": near["deployments"] if right else sorted(ids),
    }


def _rule(rule: Mapping[str, Any], kind: str) -> dict[str, Any]:
    if not rule["version_id"]:
        return {}
    version = SloVersion.objects.get(pk=rule["version_id"])
    share = version.internal_share or version.share
    threshold = share if kind == "availability" else version.threshold
    return {
        "version": version.number,
        "threshold": threshold,
        "share": share if kind in rows.BY_SHARE else version.share,
        "good_within": version.good_within,
        "minimum": version.minimum,
    }
