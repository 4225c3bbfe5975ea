"""PURE: OpenSLO documents → the fields of promises, and where in the text each was said.

A Service is an SLA unless its annotation aiosmon.io/promise says otherwise. Its
objectives without the annotation aiosmon.io/objective are told by what they
hold: of shares within milliseconds the tightest is the latency and the widest
the availability, a rating is the satisfaction, another value is a resource limit.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from metrics.units import Unit
from slas.models import BurnRule, Contract, ModelTarget, ResourceLimit, Sla
from slas.models.contracts import OVERRIDES
from slas.objectives import Kind, Promise
from slas.openslo import policies
from slas.openslo.decoding import decoded
from slas.openslo.documents import Documents, name_of
from slas.openslo.export import CARRIED, CONTRACT, EVERY, SCOPE, TICKET
from slas.openslo.parts import WHICH, Part, parts
from slas.openslo.text import Node
from slas.openslo.vocabulary import annotation

KEYS: dict[type[Model], tuple[str, ...]] = {
    Sla: ("code",),
    ModelTarget: ("model_name",),
    ResourceLimit: ("component", "name"),
    Contract: ("client", "sla", "valid_from"),
    BurnRule: ("sla", "model_target", "name"),
}
# What depends on others comes after them.
ORDER: tuple[type[Model], ...] = (Sla, ModelTarget, ResourceLimit, Contract, BurnRule)
MODELS: dict[str, type[Model]] = {
    Promise.SLA: Sla,
    Promise.MODEL: ModelTarget,
    Promise.RESOURCE: ResourceLimit,
    CONTRACT: Contract,
}
INFERENCE, LEARNING = "inference_time", "learning_integration"
_SPECIAL = {"promise", "objective", "target_percent", "description", *WHICH}
_OF_CONTRACT = {"client", "sla", "overrides"}
_OF_RULE = {SCOPE, "long_window", "short_window", "minimum_bad", "maximum_chance"}
# What trainings report of a model: the objective and the promise's field.
_TRAINED = {
    "accuracy": "accuracy_threshold",
    "business_accuracy": "business_accuracy",
    "training_time": "training_time",
    "model_size": "model_size_limit",
}


@dataclass
class Promised:
    """A promise as the text has it."""

    model: type[Model]
    where: Node
    fields: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Node] = field(default_factory=dict)
    # Of a contract: the numbers that are its SLA's.
    inherited: dict[str, Any] = field(default_factory=dict)

    def set(self, documents: Documents, name: str, value: Any, place: Node) -> None:
        """Take a field's value; what was said before must say the same."""
        if name in self.fields and self.fields[name] != value:
            text = f"{name} is {value!r} here and {self.fields[name]!r} in line "
            text += f"{self.places[name].line}."
            documents.wrong(place, "", text, "Say the same in both places.")
            return
        self.fields[name] = value
        self.places[name] = place


def promised(documents: Documents, units: Mapping[str, str]) -> list[Promised]:
    """The promises in the documents; what is wrong or left out is noted in ``documents``."""
    by_service: dict[str, list[Part]] = {}
    for part in parts(documents, units):
        by_service.setdefault(part.service, []).append(part)
        policies.look(documents, part)
    found: list[Promised] = []
    for service, its in by_service.items():
        found += _of_service(documents, service, its)
    policies.rest(documents)
    for name, document in documents.found["Service"].items():
        if name not in by_service:
            documents.unfit(document, "", f"No SLO is left that promises anything of “{name}”.")
    found += list(_rules(documents))
    _no_twins(documents, found)
    # A contract, or a rule, is about an SLA that may come with it.
    return sorted(found, key=lambda one: ORDER.index(one.model))


def _of_service(documents: Documents, name: str, its: list[Part]) -> list[Promised]:
    service = documents.found["Service"].get(name)
    said = documents.annotations(service) if service else {}
    kind = str(said["promise"].value) if "promise" in said else Promise.SLA
    if kind not in MODELS:
        fix = f"Use {', '.join(MODELS)}."
        documents.wrong(said["promise"], "", f"“{kind}” is no kind of promise.", fix)
        return []
    limits = [part for part in its if kind == Promise.RESOURCE or _is_limit(part)]
    found = [_limit(documents, part) for part in limits]
    rest = [part for part in its if part not in limits]
    if rest:
        where = service or rest[0].slo
        found.append(_promise(documents, MODELS[kind], name, where, said, rest))
    return found


def _is_limit(part: Part) -> bool:
    return not part.role and part.within is None and part.op.startswith("lt")


def _limit(documents: Documents, part: Part) -> Promised:
    promise = Promised(ResourceLimit, part.slo)
    said = documents.annotations(part.slo)
    _terms(documents, promise, said)
    if "name" not in promise.fields:
        promise.set(documents, "name", name_of(part.slo).replace("-", "_"), part.slo)
    for name in ("component", "unit", "metric_name", "aggregate"):
        if part.text(name):
            promise.set(documents, name, part.text(name), part.place(name))
    if part.op.startswith("gt"):
        text = "A limit is what a value may reach at most."
        documents.wrong(part.objective, "op", text, "Use lte.")
    promise.set(documents, "value", part.value, part.objective)
    if spec := part.slo.get("spec"):
        promise.set(documents, "description", documents.text(spec, "description"), spec)
    return promise


def _promise(
    documents: Documents,
    model: type[Model],
    name: str,
    where: Node,
    said: dict[str, Node],
    its: list[Part],
) -> Promised:
    promise = Promised(model, where)
    _terms(documents, promise, said)
    key = KEYS[model][0]
    if key not in promise.fields and model is not Contract:
        promise.set(documents, key, name, where)
    roles = _roles(documents, its, model)
    if model is Contract:
        _sla(documents, promise, roles)
        _contract(documents, promise, said)
    elif model is Sla:
        _description(documents, promise, where, said)
        _sla(documents, promise, roles)
    else:
        _model(documents, promise, roles)
    return promise


def _roles(documents: Documents, its: list[Part], model: type[Model]) -> dict[str, Part]:
    """Which part is which objective."""
    roles: dict[str, Part] = {}
    for part in its:
        role = part.role or (str(Kind.SATISFACTION) if part.op.startswith("gt") else "")
        if role and role in roles:
            text = f"The {role} is promised in line {roles[role].slo.line} too."
            documents.wrong(part.slo, "", text, "Keep one of them.")
        elif role:
            roles[role] = part
    first = INFERENCE if model is ModelTarget else str(Kind.LATENCY)
    free = [part for part in its if not part.role and part.within is not None]
    free.sort(key=lambda part: (part.within, part.percent))
    if free and first not in roles:
        roles[first] = free.pop(0)
    if free and model is not ModelTarget and Kind.AVAILABILITY not in roles:
        roles[str(Kind.AVAILABILITY)] = free.pop()
    for part in free:
        documents.unfit(part.objective, "", "There is a tighter and a wider one; this is left out.")
    return roles


def _sla(documents: Documents, promise: Promised, roles: dict[str, Part]) -> None:
    latency, available = roles.get(Kind.LATENCY), roles.get(Kind.AVAILABILITY)
    if latency is None or available is None:
        only = latency or available
        if only is None:
            fix = "Add an SLO: the share of requests answered within a time."
            documents.wrong(promise.where, "", "No latency or availability is promised.", fix)
            return
        text = "Latency and availability are not promised apart: both are taken from this."
        documents.unfit(only.objective, "", text)
        latency = available = only
    for part in (latency, available):
        _requests(documents, promise, part)
    _times(documents, promise, latency, "target_response_time", "latency_share")
    _times(documents, promise, available, "max_response_time", "availability")
    rating, learning = roles.get(Kind.SATISFACTION), roles.get(LEARNING)
    _value(documents, promise, rating, "user_satisfaction_target")
    if learning is None:
        promise.fields["learning_integration_time"] = None
        return
    _in_unit(documents, learning, Unit.SECONDS)
    name = learning.text("metric_name")
    promise.set(documents, "learning_metric_name", name, learning.place("metric_name"))
    _times(documents, promise, learning, "learning_integration_time", "latency_share")


def _contract(documents: Documents, promise: Promised, said: dict[str, Node]) -> None:
    """Keep of an SLA's numbers those that the contract sets itself."""
    try:
        own = json.loads(said["overrides"].value) if "overrides" in said else list(OVERRIDES)
    except (ValueError, RecursionError):
        own = None
    if not isinstance(own, list) or not all(name in OVERRIDES for name in own):
        fix = f"Write a JSON list of {', '.join(OVERRIDES)}."
        documents.wrong(said["overrides"], "", "This is no list of numbers' names.", fix)
        return
    sla = promise.fields
    promise.inherited = {name: sla.get(name) for name in OVERRIDES if name not in own}
    # Everything else of the SLA's is not the contract's.
    kept = {one.name for one in Contract._meta.concrete_fields}  # noqa: SLF001
    promise.fields = {name: value for name, value in sla.items() if name in kept}
    promise.fields |= dict.fromkeys(promise.inherited)
    for name in ("client", "sla", "valid_from"):
        if name in said and name != "valid_from":
            promise.set(documents, name, str(said[name].value), said[name])
        elif name not in said:
            fix = f"Add the annotation {annotation(name)}."
            documents.wrong(promise.where, "", f"A contract needs its {name}.", fix)


def _model(documents: Documents, promise: Promised, roles: dict[str, Part]) -> None:
    latency = roles.get(INFERENCE)
    if latency is None:
        fix = "Add an SLO: the share of predictions made within a time."
        documents.wrong(promise.where, "", "No inference time is promised.", fix)
        return
    for name in ("metric_name", "component"):
        promise.set(documents, name, latency.text(name), latency.place(name))
    _in_unit(documents, latency, Unit.MILLISECONDS)
    _times(documents, promise, latency, "inference_time", "latency_share")
    if rating := roles.get(Kind.SATISFACTION):
        _value(documents, promise, rating, "user_satisfaction")

    for role, name in _TRAINED.items():
        if part := roles.get(role):
            promise.set(documents, name, part.value, part.objective)


def _rules(documents: Documents) -> Iterator[Promised]:
    """The alert rules that people set: conditions that say whose they are."""
    for document in documents.found["AlertCondition"].values():
        said = documents.annotations(document)
        spec = document.get("spec")
        condition = spec.get("condition") if spec else None
        if SCOPE not in said or spec is None or condition is None:
            continue
        rule = Promised(BurnRule, document)
        _scope(documents, rule, said[SCOPE])
        _terms(documents, rule, {n: one for n, one in said.items() if n not in _OF_RULE})
        rule.set(documents, "burn", documents.number(condition, "threshold"), condition)
        rule.set(documents, "pages", documents.text(spec, "severity") != TICKET, spec)
        yield rule


def _scope(documents: Documents, rule: Promised, said: Node) -> None:
    """Whose rule it is; what is named is looked up when it is made."""
    promise, _, code = str(said.value).partition(":")
    if str(said.value) != EVERY and (promise not in (Promise.SLA, Promise.MODEL) or not code):
        documents.wrong(
            said, "", f"“{said.value}” is no scope.", "Use sla:CODE, model:NAME or all."
        )
    rule.set(documents, "sla", code if promise == Promise.SLA else None, said)
    rule.set(documents, "model_target", code if promise == Promise.MODEL else None, said)


def _requests(documents: Documents, promise: Promised, part: Part) -> None:
    _in_unit(documents, part, Unit.MILLISECONDS)
    for name in ("metric_name", "component", "query_complexity"):
        promise.set(documents, name, part.text(name), part.place(name))


def _in_unit(documents: Documents, part: Part, unit: Unit) -> None:
    if part.text("unit") != unit:
        text = f"This promise is in {unit}, not in “{part.text('unit')}”."
        documents.wrong(part.place("unit"), "", text, f"Use a metric in {unit}.")


def _times(documents: Documents, promise: Promised, part: Part, within: str, share: str) -> None:
    place = part.place("within") if "within" in part.which else part.objective
    promise.set(documents, within, part.within, place)
    promise.set(documents, share, part.percent, part.objective)


def _value(documents: Documents, promise: Promised, part: Part | None, name: str) -> None:
    if part is None:
        promise.fields[name] = None
    else:
        promise.set(documents, name, part.value, part.objective)


def _description(
    documents: Documents, promise: Promised, where: Node, said: dict[str, Node]
) -> None:
    spec = where.get("spec")
    if "description" in said:
        promise.set(documents, "description", str(said["description"].value), where)
    elif spec is not None:
        promise.set(documents, "description", documents.text(spec, "description"), spec)


def _terms(documents: Documents, promise: Promised, said: dict[str, Node]) -> None:
    """Take over the fields that stand in annotations."""
    fields = {
        one.name: one
        for one in promise.model._meta.concrete_fields  # noqa: SLF001
        if one.editable and not one.primary_key and one.name not in CARRIED[promise.model]
    }
    for name, node in said.items():
        if name in fields:
            promise.set(documents, name, decoded(documents, fields[name], node), node)
        elif name not in _SPECIAL and not (promise.model is Contract and name in _OF_CONTRACT):
            known = ", ".join(sorted(annotation(one) for one in fields))
            documents.wrong(node, "", "This annotation is unknown.", f"Known here: {known}.")


def _no_twins(documents: Documents, found: Iterable[Promised]) -> None:
    seen: dict[tuple[Any, ...], Promised] = {}
    for promise in found:
        key = (promise.model, *(promise.fields.get(name) for name in KEYS[promise.model]))
        if (first := seen.setdefault(key, promise)) is not promise:
            text = f"The same promise stands in line {first.where.line}."
            documents.wrong(promise.where, "", text, "Keep one of them.")
