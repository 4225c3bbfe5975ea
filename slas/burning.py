"""PURE: how an objective's rules stand, and which of them fires."""

from collections.abc import Iterable
from dataclasses import dataclass

from slas import budget
from slas.budget import Counts, Rule


@dataclass(frozen=True)
class Burn:
    """One rule held against what was counted in its windows. ``objective`` is a fraction."""

    rule: Rule
    objective: float
    long: Counts
    short: Counts

    @property
    def fires(self) -> bool:
        """Whether both windows burn too fast; a hold time comes on top."""
        return budget.fires(self.rule, self.objective, self.long, self.short)

    @property
    def recovered(self) -> bool:
        """Whether an alert of the rule is over."""
        return budget.recovered(self.rule, self.objective, self.long)

    def rates(self) -> tuple[float | None, float | None]:
        """The burn rates over the long and the short window; infinite at 100 %."""
        return _rate(self.long, self.objective), _rate(self.short, self.objective)


def burning(burns: Iterable[Burn], minimum: int) -> list[Burn]:
    """The rules whose windows burn too fast, with enough events to say so."""
    return [one for one in burns if one.long.total >= minimum and one.fires]


def _rate(counts: Counts, objective: float) -> float | None:
    if not counts.total:
        return None
    if objective >= 1:
        return float("inf") if counts.bad else 0.0
    return budget.burn_rate(counts, objective)
