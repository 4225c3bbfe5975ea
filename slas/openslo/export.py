"""The promises as OpenSLO documents.

An SLA, a model target or a contract is a Service, each component with limits another; each
objective is an SLI and an SLO. What OpenSLO has no field for stands in
annotations named after the model's field.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, QuerySet

from slas import budget, names, objectives
from slas.budget import MAX_CHANCE, MIN_BAD, Rule
from slas.contracts import as_sla
from slas.models import Contract, ModelTarget, ResourceLimit, Sla
from slas.models.contracts import OVERRIDES
from slas.objectives import Kind, Objective, Promise
from slas.openslo import text
from slas.openslo.vocabulary import (
    API_VERSION,
    MAX_DESCRIPTION,
    MAX_DISPLAY,
    NEARLY_ALL,
    PERIOD,
    SOURCE,
    Namer,
    annotation,
    as_text,
    shorthand,
)

Document = dict[str, Any]
# What the documents' own fields say of a promise; all other fields are annotations.
CARRIED: dict[type[Model], frozenset[str]] = {
    Sla: frozenset(
        {
            "description",
            "metric_name",
            "component",
            "query_complexity",
            "target_response_time",
            "latency_share",
            "max_response_time",
            "availability",
            "user_satisfaction_target",
            "learning_integration_time",
        }
    ),
    ModelTarget: frozenset(
        {"metric_name", "component", "inference_time", "latency_share", "user_satisfaction"}
    ),
    ResourceLimit: frozenset(
        {"component", "value", "unit", "metric_name", "aggregate", "description"}
    ),
    Contract: frozenset({"client", "sla", "withdrawn", *OVERRIDES}),
}
CONTRACT = "contract"
TARGET = "portal"


def export(contracts: QuerySet[Contract] | None = None) -> str:
    """Every promise, enabled or not, as YAML; of the contracts those given, or all."""
    found = Contract.objects.all() if contracts is None else contracts
    found = found.filter(withdrawn=False).select_related("client", "sla")
    limits = ResourceLimit.objects.order_by("component", "name")
    ordered = found.order_by("client__code", "sla__code", "valid_from")
    return text.dump(documents(Sla.objects.all(), ModelTarget.objects.all(), limits, ordered))


def documents(
    slas: Iterable[Sla],
    targets: Iterable[ModelTarget],
    limits: Iterable[ResourceLimit],
    contracts: Iterable[Contract] = (),
) -> list[Document]:
    """PURE: promises as documents, alert policies last, where they are shared."""
    writing = _Writing()
    for sla in slas:
        writing.promise(Promise.SLA, sla.code, sla, sla.description, objectives.of_sla(sla))
    for target in targets:
        found = objectives.of_model(target)
        writing.promise(Promise.MODEL, target.model_name, target, "", found)
    for limit in limits:
        writing.limit(limit)
    for contract in contracts:
        writing.contract(contract)
    return writing.documents + writing.alerts()


def terms(promise: Model) -> dict[str, str]:
    """PURE: the annotations of a promise."""
    carried = CARRIED[type(promise)]
    return {
        annotation(field.name): as_text(getattr(promise, field.name))
        for field in promise._meta.concrete_fields  # noqa: SLF001
        if field.editable and not field.primary_key and field.name not in carried
    }


class _Writing:
    """Documents being written; names are unique by kind."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self._services, self._objectives, self._policies = Namer(), Namer(), Namer()
        self._components: set[str] = set()
        self._rules: dict[str, tuple[Rule, float]] = {}

    def promise(
        self,
        kind: Promise,
        code: str,
        promise: Model,
        description: str,
        found: Iterable[Objective],
    ) -> None:
        """A Service, and an SLI and an SLO for each of its objectives."""
        service = self._services.name(kind, code)
        annotations = {annotation("promise"): str(kind), **terms(promise)}
        self.documents.append(_document("Service", service, annotations, described(description)))
        if len(description) > MAX_DESCRIPTION:
            annotations[annotation("description")] = description
        for objective in found:
            self._objective(service, objective, {}, {})

    def contract(self, contract: Contract) -> None:
        """A Service, and the SLA's objectives with the client's numbers."""
        which = (contract.client.code, contract.sla.code, contract.valid_from.isoformat())
        service = self._services.name(CONTRACT, *which)
        annotations = {
            annotation("promise"): CONTRACT,
            annotation("client"): contract.client.code,
            annotation("sla"): contract.sla.code,
            annotation("overrides"): as_text(
                [name for name in OVERRIDES if getattr(contract, name) is not None]
            ),
            **terms(contract),
        }
        self.documents.append(_document("Service", service, annotations, {}))
        for objective in objectives.of_sla(as_sla(contract)):
            if not objective.name:  # Learning integration is the SLA's alone.
                self._objective(service, objective, {}, {}, (CONTRACT, *which))

    def limit(self, limit: ResourceLimit) -> None:
        """An SLI and an SLO; before the first of a component, its Service."""
        objective = objectives.of_limit(limit)
        service = self._services.name("component", limit.component)
        if limit.component not in self._components:
            self._components.add(limit.component)
            spec = {"description": f"Resource limits of {limit.component}."}
            component = {annotation("promise"): str(Promise.RESOURCE)}
            self.documents.append(_document("Service", service, component, spec))
        self._objective(service, objective, terms(limit), described(limit.description))

    def _objective(
        self,
        service: str,
        objective: Objective,
        more: dict[str, str],
        described: Document,
        of: tuple[str, ...] = (),
    ) -> None:
        role = objective.name or objective.kind
        of = of or (objective.promise, objective.code)
        name = self._objectives.name(*of, role)
        display = names.in_words(objective.key)[:MAX_DISPLAY]
        self.documents.append(_document("SLI", name, {}, indicator(objective)))
        annotations = {annotation("objective"): str(role), **more}
        target = goal(objective)
        if target.get("targetPercent") != objective.share and is_ratio(objective):
            annotations[annotation("target_percent")] = as_text(objective.share)
        spec = {
            **described,
            "service": service,
            "indicatorRef": name,
            "timeWindow": [{"duration": shorthand(PERIOD), "isRolling": True}],
            "budgetingMethod": "Occurrences" if is_ratio(objective) else "Timeslices",
            "objectives": [target],
        }
        if is_ratio(objective) and (policies := self._alert_on(objective.share)):
            spec["alertPolicies"] = [{"alertPolicyRef": policy} for policy in policies]
        self.documents.append(_document("SLO", name, annotations, spec, display))

    def _alert_on(self, share: float) -> list[str]:
        """The policies of a share; objectives of the same share have the same."""
        if not 0 < share / 100 < 1:
            return []
        found = []
        for rule in budget.rules(share / 100, PERIOD):
            name = self._policies.name("burn", repr(share), shorthand(rule.long))
            self._rules[name] = (rule, share)
            found.append(name)
        return found

    def alerts(self) -> list[Document]:
        """The alert policies used so far, with their conditions and the one target."""
        found: list[Document] = []
        for name, (rule, share) in sorted(self._rules.items()):
            found += _policy(name, rule, share)
        if found:
            spec = {"target": SOURCE, "description": "Alerts stand in the portal."}
            found.append(_document("AlertNotificationTarget", TARGET, {}, spec))
        return found


def is_ratio(objective: Objective) -> bool:
    """PURE: whether good events are counted; else a figure of the window is held to a value."""
    return objective.kind in {Kind.LATENCY, Kind.AVAILABILITY}


def indicator(objective: Objective) -> Document:
    """PURE: the spec of an SLI."""
    which = {
        "metric_name": objective.metric_name,
        "component": objective.component,
        "unit": str(objective.unit),
        "query_complexity": objective.query_complexity,
        "model": objective.model,
    }
    which = {name: value for name, value in which.items() if value}
    if is_ratio(objective):
        good = {**which, "success": True, "within": float(objective.good_within)}
        return {"ratioMetric": {"counter": True, "good": _source(good), "total": _source(which)}}
    if objective.kind == Kind.SATISFACTION:
        return {"thresholdMetric": _source({**which, "aggregate": "mean"})}
    return {"thresholdMetric": _source({**which, "aggregate": str(objective.aggregate)})}


def goal(objective: Objective) -> Document:
    """PURE: the objective inside an SLO."""
    if is_ratio(objective):
        percent = float(objective.share)
        return {"targetPercent": percent if percent < 100 else NEARLY_ALL}
    # OpenSLO asks for a target below 100 %; here every window has to keep the value.
    return {
        "op": "gte" if objective.kind == Kind.SATISFACTION else "lte",
        "value": float(objective.threshold),
        "targetPercent": NEARLY_ALL,
        "timeSliceTarget": 1.0,
        "timeSliceWindow": shorthand(objective.window),
    }


def described(description: str) -> Document:
    """PURE: a spec's description, within OpenSLO's length."""
    return {"description": description[:MAX_DESCRIPTION]} if description else {}


def _source(spec: Document) -> Document:
    return {"metricSource": {"type": SOURCE, "spec": spec}}


def _policy(name: str, rule: Rule, share: float) -> list[Document]:
    urgency = "page" if rule.pages else "ticket"
    text = f"Burn rate over {rule.burn:g} for {share:g} %, both windows."
    condition = {
        "description": text,
        "severity": urgency,
        "condition": {
            "kind": "burnrate",
            "op": "gt",
            "threshold": rule.burn,
            "lookbackWindow": shorthand(rule.long),
        },
    }
    # OpenSLO knows one window; the pair, and the guard for low traffic, are ours.
    pair = {
        annotation("long_window"): shorthand(rule.long),
        annotation("short_window"): shorthand(rule.short),
        annotation("minimum_bad"): as_text(MIN_BAD),
        annotation("maximum_chance"): as_text(MAX_CHANCE),
    }
    policy = {
        "description": text,
        "alertWhenBreaching": True,
        "conditions": [{"conditionRef": name}],
        "notificationTargets": [{"targetRef": TARGET}],
    }
    return [
        _document("AlertCondition", name, pair, condition),
        _document("AlertPolicy", name, {}, policy),
    ]


def _document(
    kind: str, name: str, annotations: dict[str, str], spec: Document, display: str = ""
) -> Document:
    metadata: Document = {"name": name}
    if display:
        metadata["displayName"] = display
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
