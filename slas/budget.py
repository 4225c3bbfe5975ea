"""PURE: error budgets, burn rates, and the rules that turn them into alerts.

Source: Google SRE Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
A burn rate is the share of bad events divided by the share that is allowed:
at 1 the budget lasts exactly its period. A rule fires when the burn rate over
its long and over its short window both exceed its threshold. Shares are
fractions (0.99, not 99).
"""

import math
from dataclasses import dataclass
from datetime import timedelta

MINUTE = timedelta(minutes=1)
# The period that error budgets and the standard rules are about.
PERIOD = timedelta(days=30)
# A total outage is to be found within this by the rule that pages first.
OUTAGE_FOUND = timedelta(minutes=10)
# The low-traffic guard (see docs/methodology.md): fewer bad events than this never fire a rule,
# nor do more, unless so many would come this rarely from a service that just keeps its promise.
MIN_BAD, MAX_CHANCE = 3, 0.00005
# The fast rule asks over so short a window, so often, that chance has many more tries.
FAST_CHANCE = 1e-6
FAST = "fast"
# An alert of a rule ends below this part of its threshold, so that it doesn't flap around it.
RECOVERED = 0.9


class Infeasible(ValueError):
    """A rule that could never fire; says why, in numbers."""


@dataclass(frozen=True)
class Counts:
    """Events of a window."""

    good: int
    total: int

    @property
    def bad(self) -> int:
        """Events that count against the promise."""
        return self.total - self.good


@dataclass(frozen=True)
class Budget:
    """What a period's events leave of the error budget. Amounts are events."""

    allowed: float  # bad events that the period's traffic so far permits
    spent: int

    @property
    def left_share(self) -> float | None:
        """1: untouched, 0: spent, below 0: overspent; None where nothing was allowed or spent."""
        if not self.allowed:
            return None if not self.spent else -math.inf
        return 1 - self.spent / self.allowed


@dataclass(frozen=True)
class Rule:
    """Fires when the burn rate over both windows exceeds ``burn``.

    And only if at least ``min_bad`` events are bad in the long window, and so many
    are at most this likely (``max_chance``) in a service that just keeps its promise.
    ``hold``: how long all that must last before it fires.
    """

    long: timedelta
    short: timedelta
    burn: float
    pages: bool
    name: str = ""
    hold: timedelta = timedelta(0)
    min_bad: int = MIN_BAD
    max_chance: float = MAX_CHANCE

    def bad_share(self, objective: float) -> float:
        """The share of bad events above which it fires."""
        # Rounded, or 10 % bad would be more than a tenth of 90 %.
        return round(self.burn * (1 - objective), 12)

    def found_after(self, objective: float, bad_share: float) -> timedelta | None:
        """How long a sudden, steady ``bad_share`` takes to fire it; None: it never does.

        L·B·(1 − T)/e, for constant traffic that was good before.
        """
        if bad_share <= self.bad_share(objective):
            return None
        return self.long * (self.bad_share(objective) / bad_share)

    def reset_after(self, objective: float, bad_share: float) -> timedelta | None:
        """How long it still fires once a long-lasting ``bad_share`` is over: S·(1 − B(1 − T)/e)."""
        if bad_share <= self.bad_share(objective):
            return None
        return self.short * (1 - self.bad_share(objective) / bad_share)

    def spent_when_found(self, period: timedelta) -> float:
        """The share of the period's budget that is gone when it fires: B·L/period."""
        return self.burn * (self.long / period)


# (long window, short window, share of a 30-day budget that is spent on firing, pages,
# largest share of bad events it may ask for). Lower objectives can't burn 14.4 times too fast: the
# last column brings the threshold down to what they can.
_STANDARD = (
    (timedelta(hours=1), timedelta(minutes=5), 0.02, True, 0.6),
    (timedelta(hours=6), timedelta(minutes=30), 0.05, True, 0.5),
    (timedelta(days=1), timedelta(hours=2), 0.10, False, 0.4),
    (timedelta(days=3), timedelta(hours=6), 0.10, False, 0.3),
)
# Comes before them where they would find a total outage too late: its window is shorter.
_OUTAGE_LONG, _OUTAGE_SHORT, _OUTAGE_SHARE = timedelta(minutes=12), timedelta(minutes=5), 0.7


def check_objective(objective: float) -> None:
    """Raise ValueError unless there is something to promise and something to spend."""
    if not 0 < objective < 1:
        text = (
            f"An objective of {objective:.4%} leaves no error budget: it must be between 0 and 1."
        )
        raise ValueError(text)


def burn_rate(counts: Counts, objective: float) -> float | None:
    """Bad share over allowed share; None without events."""
    check_objective(objective)
    if not counts.total:
        return None
    return counts.bad / counts.total / (1 - objective)


def largest_burn(objective: float) -> float:
    """The burn rate of a total outage: 1/(1 − objective)."""
    check_objective(objective)
    return 1 / (1 - objective)


def budget(counts: Counts, objective: float) -> Budget:
    """The budget of a period with these events so far."""
    check_objective(objective)
    return Budget((1 - objective) * counts.total, counts.bad)


def exhausted_after(budget_left: float, burn: float, period: timedelta) -> timedelta | None:
    """How long ``budget_left`` (share of the period's) lasts at this burn rate; None: for ever.

    Zero when nothing is left.
    """
    if budget_left <= 0:
        return timedelta(0)
    if burn <= 0:
        return None
    return period * (budget_left / burn)


def rules(objective: float, period: timedelta) -> tuple[Rule, ...]:
    """The standard rules for an objective over a period, each able to fire.

    The thresholds are share·period/L, and so for 30 days 14.4, 6, 3 and 1. They
    are lowered where an objective is too low to burn so fast, and never under 1:
    what burns slower keeps its promise. Windows longer than the period are left out.
    """
    check_objective(objective)
    found = []
    for long, short, share, pages, most in _STANDARD:
        if long <= period:
            burn = min(share * (period / long), most / (1 - objective))
            found.append(Rule(long, short, max(burn, 1.0), pages, named(long, short)))
    if found and (found[0].found_after(objective, 1.0) or timedelta.max) <= OUTAGE_FOUND:
        return tuple(found)
    name = named(_OUTAGE_LONG, _OUTAGE_SHORT)
    outage = Rule(_OUTAGE_LONG, _OUTAGE_SHORT, _OUTAGE_SHARE / (1 - objective), True, name)
    return (outage, *found)


def fast(objective: float, window: timedelta) -> Rule:
    """The rule that tells a sudden, hard failure soon: the promise's own window is missed.

    The window is rounded to whole minutes, one at least. A promise of 100 % is broken by one
    bad event: there is no chance in that.
    """
    whole = max(MINUTE, round(window / MINUTE) * MINUTE)
    least = MIN_BAD if objective < 1 else 1
    return Rule(whole, whole, 1.0, True, FAST, min_bad=least, max_chance=FAST_CHANCE)


def named(long: timedelta, short: timedelta) -> str:
    """A rule's name by its windows: "1h/5m"."""
    return f"{brief(long)}/{brief(short)}"


def brief(span: timedelta) -> str:
    """A span of whole minutes in its largest whole unit: "5m", "6h", "3d"."""
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1))):
        if span % size == timedelta(0):
            return f"{span // size}{unit}"
    return f"{span // MINUTE}m"


def check_rule(rule: Rule, objective: float) -> None:
    """Raise Infeasible for a rule that not even a total outage would fire."""
    most = largest_burn(objective)
    if rule.burn >= most:
        raise Infeasible(
            f"An objective of {objective:.4%} can't burn faster than 1 / (1 − {objective:g}) = "
            f"{most:g}, so a threshold of {rule.burn:g} would never be exceeded. "
            f"Choose one below {most:g}, or a higher objective."
        )


def fires(rule: Rule, objective: float, long: Counts, short: Counts) -> bool:
    """Whether the rule fires on these windows, the low-traffic guard included."""
    if long.bad < rule.min_bad or not short.bad:
        return False
    if objective >= 1:
        return True
    # bad / total > B·(1 − T), without dividing.
    most = rule.bad_share(objective)
    if long.bad <= most * long.total or short.bad <= most * short.total:
        return False
    return chance(long.bad, long.total, 1 - objective) <= rule.max_chance


def recovered(rule: Rule, objective: float, long: Counts) -> bool:
    """Whether an alert of the rule is over: what burns over its long window is clearly less.

    Without events nothing is known, so it isn't. Where the threshold is 1 there is no lower
    one: what burns at 1 keeps its promise, and firing takes much more than that (the guard).
    """
    if not long.total:
        return False
    if objective >= 1:
        return not long.bad
    least = max(min(1.0, rule.burn), RECOVERED * rule.burn)
    return long.bad <= round(least * (1 - objective), 12) * long.total


def chance(bad: int, total: int, share: float) -> float:
    """P(X ≥ bad) for X of ``total`` events that are bad with probability ``share`` each.

    The upper tail of the binomial distribution, summed term by term from
    ``bad`` on; 1.0 up to the mean, where the guard does not ask for more.
    """
    if bad <= total * share:
        return 1.0
    if share <= 0 or bad > total:
        return 0.0
    odds = share / (1 - share)
    log_term = (
        math.lgamma(total + 1)
        - math.lgamma(bad + 1)
        - math.lgamma(total - bad + 1)
        + bad * math.log(share)
        + (total - bad) * math.log1p(-share)
    )
    term, tail = 1.0, 0.0
    # Past the mean each term is smaller than the one before, by a falling ratio.
    for count in range(bad, total + 1):
        tail += term
        if term < tail * 1e-12:
            break
        term *= (total - count) / (count + 1) * odds
    return min(1.0, math.exp(log_term) * tail)
