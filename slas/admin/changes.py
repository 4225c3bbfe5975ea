"""What an edit of a promise changes, objective by objective. Reads nothing, stores nothing."""

from dataclasses import dataclass
from typing import Any

from metrics import formats
from slas import names, objectives, versions
from slas.admin.slos import in_words
from slas.models import ModelTarget, ResourceLimit, Sla
from slas.objectives import Objective

Promise = Sla | ModelTarget | ResourceLimit
# What an objective's numbers mean, though it is none of them: changing it takes a reason as well.
_MEANT = ("accuracy_metric",)
_IN_WORDS = ("kind", "threshold", "good_within", "share")
_LABELS = {
    "metric_name": "metric",
    "query_complexity": "complexity",
    "minimum": "measurements needed",
    "window_seconds": "window",
    "include_synthetic": "probes counted",
}


@dataclass(frozen=True)
class Change:
    """What an edit does to one objective (or to what its numbers mean)."""

    what: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.what}: {self.old} → {self.new}"


def of(promise: Promise) -> list[Objective]:
    """The objectives that the promise makes; none while it is disabled."""
    if not promise.enabled:
        return []
    if isinstance(promise, Sla):
        return objectives.of_sla(promise)
    if isinstance(promise, ModelTarget):
        return objectives.of_model(promise)
    return [objectives.of_limit(promise)]


def between(before: Promise, after: Promise) -> list[Change]:
    """What the edit changes in what is promised or in how it is judged; not in its words."""
    old = {objective.key: objective for objective in of(before)}
    new = {objective.key: objective for objective in of(after)}
    found: list[Change] = []
    for key in [*old, *(key for key in new if key not in old)]:
        what = names.in_words(key)
        if key not in new:
            found.append(Change(what, in_words(old[key]), "no longer promised"))
        elif key not in old:
            found.append(Change(what, "not promised", in_words(new[key])))
        else:
            found += _of_objective(what, old[key], new[key])
    return found + _meant(before, after)


def _of_objective(what: str, old: Objective, new: Objective) -> list[Change]:
    first, second = versions.numbers(old), versions.numbers(new)
    changed = [name for name, value in first.items() if second[name] != value]
    found: list[Change] = []
    said = [name for name in changed if name in _IN_WORDS]
    if said:
        words = in_words(old), in_words(new)
        if words[0] == words[1]:  # only rounding makes them look alike
            name = said[0]
            words = f"{name} {first[name]}", f"{name} {second[name]}"
        found.append(Change(what, *words))
    for name in changed:
        if name not in _IN_WORDS:
            label = _LABELS.get(name, name.replace("_", " "))
            found.append(Change(f"{what}, {label}", _text(name, first), _text(name, second)))
    return found


def _text(name: str, numbers: dict[str, Any]) -> str:
    value = numbers[name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "window_seconds":
        return formats.measure(value, "s")
    return str(value) if value not in ("", None) else "any"


def _meant(before: Promise, after: Promise) -> list[Change]:
    found = []
    for name in _MEANT:
        old, new = getattr(before, name, None), getattr(after, name, None)
        if old != new:
            label = name.replace("_", " ")
            found.append(Change(label[:1].upper() + label[1:], f"{old}", f"{new}"))
    return found
