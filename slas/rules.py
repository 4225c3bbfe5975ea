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
    """All rules that people set, read once."""

    def __init__(self) -> None:
        self._own: dict[Scope, list[BurnRule]] = defaultdict(list)
        for one in BurnRule.objects.select_related("sla", "model_target"):
            self._own[scope(one)].append(one)

    def of(self, objective: Objective) -> tuple[Rule, ...]:
        """What an alert of the objective follows from, the most urgent first; none by no share."""
        if objective.kind not in BY_SHARE or objective.share <= 0:
            return ()
        own = self._own.get((objective.promise, objective.code)) or self._own.get(EVERY) or []
        return in_force(objective, own)


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
