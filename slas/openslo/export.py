"""The promises as OpenSLO documents.

An SLA, a model target or a contract is a Service, each component with limits another; each
objective is an SLI and an SLO. What OpenSLO has no field for stands in
annotations named after the model's field.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, QuerySet

from slas import names, objectives, rules
from slas.budget import FAST, Rule
from slas.contracts import as_sla
from slas.models import BurnRule, Contract, ModelTarget, ResourceLimit, Sla
from slas.models.contracts import OVERRIDES
from slas.objectives import BY_SHARE, Kind, Objective, Promise
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
        {
            "metric_name",
            "component",
            "inference_time",
            "latency_share",
            "user_satisfaction",
            "accuracy_threshold",
            "business_accuracy",
            "training_time",
            "model_size_limit",
        }
    ),
    ResourceLimit: frozenset(
        {"component", "value", "unit", "metric_name", "aggregate", "description"}
    ),
    Contract: frozenset({"client", "sla", "withdrawn", *OVERRIDES}),
    BurnRule: frozenset({"sla", "model_target", "burn", "pages"}),
}
CONTRACT = "contract"
# On the condition of a rule that people set: whose it is, "sla:<code>", "model:<name>" or "all".
SCOPE, EVERY = "rule_of", "all"
PAGE, TICKET = "page", "ticket"
TARGET = "portal"


def export(contracts: QuerySet[Contract] | None = None) -> str:
    """Every promise, enabled or not, as YAML; of the contracts those given, or all."""
    found = Contract.objects.all() if contracts is None else contracts
    found = found.filter(withdrawn=False).select_related("client", "sla")
    limits = ResourceLimit.objects.order_by("component", "name")
    ordered = found.order_by("client__code", "sla__code", "valid_from")
    own = BurnRule.objects.select_related("sla", "model_target")
    targets = ModelTarget.objects.all()
    return text.dump(documents(Sla.objects.all(), targets, limits, ordered, own))


def documents(
    slas: Iterable[Sla],
    targets: Iterable[ModelTarget],
    limits: Iterable[ResourceLimit],
    contracts: Iterable[Contract] = (),
    own: Iterable[BurnRule] = (),
) -> list[Document]:
    """PURE: promises as documents, alert policies last, where they are shared."""
    writing = _Writing(list(own))
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

    def __init__(self, own: list[BurnRule]) -> None:
        self.documents: list[Document] = []
        self._own = rules.Rules(own)
        self._services, self._objectives, self._policies = Namer(), Namer(), Namer()
        self._components: set[str] = set()
        self._rules: dict[str, tuple[Rule, float | None, dict[str, str]]] = {}
        self._named: dict[tuple[str, str], str] = {}
        for one in own:
            which = scope_text(one)
            name = self._policies.name("rule", which, one.name)
            self._named[which, one.name] = name
            self._rules[name] = (one.rule(), None, {annotation(SCOPE): which, **terms(one)})

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
        if policies := self._alert_on(objective):
            spec["alertPolicies"] = [{"alertPolicyRef": policy} for policy in policies]
        self.documents.append(_document("SLO", name, annotations, spec, display))

    def _alert_on(self, objective: Objective) -> list[str]:
        """The policies in force; objectives of the same share and window have the same."""
        own, which = self._own.of(objective), self._own.scope_of(objective)
        return [self._policy(rule, objective, which) for rule in own]

    def _policy(self, rule: Rule, objective: Objective, which: str) -> str:
        if known := self._named.get((which, rule.name)):
            return known
        share = repr(objective.share)
        first = FAST if rule.name == FAST else "burn"
        name = self._policies.name(first, share, shorthand(rule.long))
        told = {annotation("rule"): FAST} if rule.name == FAST else {}
        self._rules[name] = (rule, objective.share, told)
        return name

    def alerts(self) -> list[Document]:
        """The alert policies used so far, with their conditions and the one target."""
        found: list[Document] = []
        for name, (rule, share, told) in sorted(self._rules.items()):
            found += _policy(name, rule, share, told)
        if found:
            spec = {"target": SOURCE, "description": "Alerts stand in the portal."}
            found.append(_document("AlertNotificationTarget", TARGET, {}, spec))
        return found


def is_ratio(objective: Objective) -> bool:
    """PURE: whether good events are counted; else a figure of the window is held to a value."""
    return objective.kind in BY_SHARE


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
        "op": "lte" if objective.kind == Kind.LIMIT else "gte",
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


def scope_text(rule: BurnRule) -> str:
    """PURE: whose rule it is, as its annotation says."""
    promise, code = rules.scope(rule)
    return f"{promise}:{code}" if promise else EVERY


def _policy(name: str, rule: Rule, share: float | None, told: dict[str, str]) -> list[Document]:
    """A standard rule of a share, or without one a rule that people set."""
    urgency = PAGE if rule.pages else TICKET
    of_share = "" if share is None else f" for {share:g} %"
    text = f"Burn rate over {rule.burn:g}{of_share}, both windows."
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
        annotation("minimum_bad"): as_text(rule.min_bad),
        annotation("maximum_chance"): as_text(rule.max_chance),
        **told,
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
