"""Which alert rules are in force for which objective: a promise's own, or the standard ones."""

from collections import defaultdict
from collections.abc import Iterable

from slas import budget
from slas.budget import Rule
from slas.models import BurnRule
from slas.objectives import BY_SHARE, Objective, Promise

Scope = tuple[str, str]  # promise and code; both empty: every promise without its own
EVERY: Scope = ("", "")


class Rules:
    """All rules that people set (those given, or as they are stored now), read once."""

    def __init__(self, given: Iterable[BurnRule] | None = None) -> None:
        self._own: dict[Scope, list[BurnRule]] = defaultdict(list)
        stored = BurnRule.objects.select_related("sla", "model_target")
        for one in stored if given is None else given:
            self._own[scope(one)].append(one)

    def of(self, objective: Objective) -> tuple[Rule, ...]:
        """What an alert of the objective follows from, the most urgent first; none by no share."""
        if objective.kind not in BY_SHARE or objective.share / 100 <= 0:
            return ()
        return in_force(objective, self._own.get(self._scope(objective), []))

    def scope_of(self, objective: Objective) -> str:
        """Whose rules hold for the objective, in words: "sla:<code>", "model:<name>" or "all"."""
        promise, code = self._scope(objective)
        return f"{promise}:{code}" if promise else "all"

    def _scope(self, objective: Objective) -> Scope:
        own = (objective.promise, objective.code)
        return own if self._own.get(own) else EVERY


def in_force(objective: Objective, own: Iterable[BurnRule]) -> tuple[Rule, ...]:
    """PURE: the rules of a share objective, given those set for its promise.

    They replace the standard ones; one named "fast" replaces the fast rule alone. No rule but
    the fast one can hold a promise of 100 %: it has no budget to burn.
    """
    share = objective.share / 100
    found = [one for one in own if one.name == budget.FAST]
    first = [one.rule() for one in found if one.enabled]
    if not found or share >= 1:
        first = [budget.fast(share, objective.window)]
    if share >= 1:
        return tuple(first)
    rest = [one for one in own if one.name != budget.FAST]
    if not rest:
        return (*first, *budget.rules(share, budget.PERIOD))
    rules = [one.rule() for one in rest if one.enabled]
    return (*first, *sorted(rules, key=lambda rule: (not rule.pages, rule.long)))


def scope(rule: BurnRule) -> Scope:
    """Whose rule it is."""
    if rule.sla is not None:
        return Promise.SLA, rule.sla.code
    if rule.model_target is not None:
        return Promise.MODEL, rule.model_target.model_name
    return EVERY
