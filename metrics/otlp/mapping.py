"""What OTLP's names mean here, as the tables say; kept in the process for a few seconds."""

import fnmatch
import re
import threading
import time
from collections.abc import Mapping as Attributes
from dataclasses import dataclass, field
from typing import Any

from metrics.models import ComponentRule, OtlpAlias

Meaning = OtlpAlias.Meaning

LIFETIME_SECONDS = 5.0
# The column's width. A longer name is cut: whoever runs the service can rarely change it.
MAX_SERVICE = 50
# What rules may ask of a span besides its attributes.
SPAN_NAME, SPAN_KIND = "span.name", "span.kind"
# Answers to the same values are kept; emitters that make up values for ever start it afresh.
_MOST_KEPT = 10_000


class Unmapped(Exception):
    """What can't be mapped: a short reason to count it by, and an example."""

    def __init__(self, reason: str, example: str) -> None:
        super().__init__(f"{reason}: {example}")
        self.reason, self.example = reason, example


@dataclass(frozen=True)
class MetricAlias:
    """A metric's name here; values are multiplied by ``factor`` to come out in the unit."""

    metric_name: str  # may hold {token_type}
    metric_category: str
    measurement_unit: str
    factor: float


@dataclass(frozen=True)
class Decision:
    """What the rules say of attributes; empty where no rule says anything."""

    component: str
    metric_name: str
    metric_category: str
    query_complexity: str


@dataclass(frozen=True)
class Source:
    """Who emitted something: the client's code (None: the key's), the component, the service."""

    client: str | None
    component: str
    service_name: str


@dataclass(frozen=True)
class _Rule:
    attribute: str
    pattern: re.Pattern[str]
    decision: Decision


@dataclass(frozen=True)
class Mapping:
    """One look at the tables. Safe across threads."""

    names: Attributes[str, tuple[str, ...]]  # meaning → attributes, the first present counts
    metrics: Attributes[str, MetricAlias]
    rules: tuple[_Rule, ...]
    wanted: frozenset[str]  # every attribute that can matter
    loaded_at: float
    _asked: tuple[str, ...]  # the rules' attributes
    _decided: dict[tuple[Any, ...], Decision] = field(default_factory=dict)

    def value(self, meaning: str, attributes: Attributes[str, Any]) -> Any | None:
        """The attribute with this meaning; None without one."""
        for name in self.names.get(meaning, ()):
            found = attributes.get(name)
            if found is not None and found != "":
                return found
        return None

    def text(self, meaning: str, attributes: Attributes[str, Any]) -> str | None:
        """As ``value``, as text."""
        found = self.value(meaning, attributes)
        return found if found is None or isinstance(found, str) else str(found)

    def metric(self, name: str) -> MetricAlias | None:
        """What a metric of that name is here; None for one that nobody has mapped."""
        return self.metrics.get(name)

    def decide(self, attributes: Attributes[str, Any]) -> Decision:
        """What the rules say of something with these attributes."""
        values = tuple(str(attributes.get(name, "")) for name in self._asked)
        decision = self._decided.get(values)
        if decision is None:
            decision = self._by_rules(dict(zip(self._asked, values, strict=True)))
            if len(self._decided) >= _MOST_KEPT:
                self._decided.clear()
            self._decided[values] = decision
        return decision

    def source(self, attributes: Attributes[str, Any], decision: Decision) -> Source:
        """Whose it is; the resource's attributes are among ``attributes``. Raises Unmapped."""
        service = self.text(Meaning.SERVICE, attributes)
        if service is None:
            raise Unmapped("service.name missing", "The resource has no service.name.")
        component = self.text(Meaning.COMPONENT, attributes) or decision.component
        if not component:
            raise Unmapped("component_not_mapped", f"No rule names a component for {service}.")
        client = self.text(Meaning.CLIENT, attributes)
        return Source(client, component, service[:MAX_SERVICE])

    def _by_rules(self, values: Attributes[str, str]) -> Decision:
        component = metric = category = complexity = ""
        for rule in self.rules:
            value = values[rule.attribute]
            if not value or not rule.pattern.fullmatch(value):
                continue
            component = component or rule.decision.component
            if rule.decision.metric_name and not metric:
                metric, category = rule.decision.metric_name, rule.decision.metric_category
            complexity = complexity or rule.decision.query_complexity
        return Decision(component, metric, category, complexity)


_lock = threading.Lock()
_kept: Mapping | None = None


def current() -> Mapping:
    """The mapping, loaded anew when the kept one is too old."""
    global _kept  # one per process, behind a lock
    with _lock:
        if _kept is None or time.monotonic() - _kept.loaded_at > LIFETIME_SECONDS:
            _kept = load()
        return _kept


def forget() -> None:
    """Drop what is kept (after the tables changed under it, as in tests)."""
    global _kept
    with _lock:
        _kept = None


def load() -> Mapping:
    """The tables as they are now."""
    names: dict[str, list[str]] = {}
    metrics: dict[str, MetricAlias] = {}
    for alias in OtlpAlias.objects.filter(enabled=True).order_by("priority", "pk"):
        if alias.kind == OtlpAlias.Kind.ATTRIBUTE:
            names.setdefault(alias.meaning, []).append(alias.name)
        else:
            metrics[alias.name] = MetricAlias(
                alias.metric_name, alias.metric_category, alias.measurement_unit, alias.factor
            )
    rules = tuple(map(_rule, ComponentRule.objects.filter(enabled=True)))
    asked = tuple(dict.fromkeys(rule.attribute for rule in rules))
    attributes = {name for several in names.values() for name in several}
    return Mapping(
        names={meaning: tuple(several) for meaning, several in names.items()},
        metrics=metrics,
        rules=rules,
        wanted=frozenset(attributes | set(asked)),
        loaded_at=time.monotonic(),
        _asked=asked,
    )


def _rule(rule: ComponentRule) -> _Rule:
    decision = Decision(
        rule.component, rule.metric_name, rule.metric_category, rule.query_complexity
    )
    return _Rule(rule.attribute, re.compile(fnmatch.translate(rule.pattern)), decision)
