"""PURE: matchers, as Alertmanager has them: which alerts a silence, route or table row is about.

A matcher is ``{"name": …, "op": …, "value": …}``; all of a list must hold, and an
empty list matches every alert. Names are those of ``facts``, or an alert's own
labels. A name that an alert does not have is the empty text.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from alerts.models import Alert, Severity

OPERATORS = ("=", "!=", "=~", "!~", ">=", "<=")
NAMES = (
    "alert_type",
    "severity",
    "client",
    "tier",
    "component",
    "metric_name",
    "objective",
    "model",
    "rule",
    "team",
    "fingerprint",
    "id",
)
MOST_MATCHERS, LONGEST = 20, 255


class Matcher(TypedDict):
    """One condition."""

    name: str
    op: str
    value: str


class Invalid(ValueError):
    """A matcher that can't be used; says which and why."""


def facts(alert: Alert) -> dict[str, str]:
    """What of an alert can be matched; its client and team must be loaded or loadable."""
    own = {str(name): str(value) for name, value in alert.labels.items()}
    return own | {
        "alert_type": str(alert.alert_type),
        "severity": str(alert.severity),
        "client": alert.client.code,
        "tier": str(alert.client.tier),
        "component": alert.component,
        "metric_name": alert.metric_name,
        "objective": alert.objective,
        "model": alert.model,
        "rule": alert.rule,
        "team": alert.team.name if alert.team else "",
        "fingerprint": alert.fingerprint,
        "id": str(alert.pk or ""),
    }


def matches(matchers: Iterable[Matcher], of: Mapping[str, str]) -> bool:
    """Whether all matchers hold for these facts."""
    return all(_holds(matcher, of.get(matcher["name"], "")) for matcher in matchers)


def checked(matchers: Any) -> list[Matcher]:
    """The matchers, if they are well formed. Raises Invalid naming the first that is not."""
    if not isinstance(matchers, Sequence) or isinstance(matchers, str | bytes):
        raise Invalid('Write a list of matchers: [{"name": "component", "op": "=", "value": "…"}].')
    if len(matchers) > MOST_MATCHERS:
        raise Invalid(f"{len(matchers)} matchers are too many; use at most {MOST_MATCHERS}.")
    return [_checked(number, one) for number, one in enumerate(matchers, 1)]


def in_words(matchers: Iterable[Matcher]) -> str:
    """For people: component=cognitive_core, severity>=high."""
    return ", ".join(f"{m['name']}{m['op']}{m['value']}" for m in matchers) or "every alert"


def _checked(number: int, one: Any) -> Matcher:
    if not isinstance(one, Mapping) or set(one) != {"name", "op", "value"}:
        raise Invalid(f"Matcher {number} needs exactly name, op and value.")
    name, op, value = (str(one[key]) for key in ("name", "op", "value"))
    if not name or len(name) > LONGEST or len(value) > LONGEST:
        raise Invalid(f"Matcher {number}: name and value have 1 to {LONGEST} characters.")
    if op not in OPERATORS:
        raise Invalid(f"Matcher {number}: “{op}” is no operator; use {', '.join(OPERATORS)}.")
    if op in {">=", "<="} and name != "severity":
        raise Invalid(f"Matcher {number}: only a severity can be compared with {op}.")
    if name == "severity" and op not in {"=~", "!~"} and value not in Severity.values:
        raise Invalid(
            f"Matcher {number}: “{value}” is no severity; use {', '.join(Severity.values)}."
        )
    if op in {"=~", "!~"}:
        _compiled(number, value)
    return Matcher(name=name, op=op, value=value)


def _compiled(number: int, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise Invalid(f"Matcher {number}: {pattern} is no regular expression: {error}.") from error


def _holds(matcher: Matcher, actual: str) -> bool:
    op, value = matcher["op"], matcher["value"]
    if op in {">=", "<="}:
        ranks = list(Severity.values)
        here, there = ranks.index(actual), ranks.index(value)
        return here >= there if op == ">=" else here <= there
    found = actual == value if op in {"=", "!="} else re.fullmatch(value, actual) is not None
    return found == (op in {"=", "=~"})
