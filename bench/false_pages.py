"""Promise: a service that exactly keeps its objective pages at most once in two months for nothing.

Simulates 30 days of Poisson traffic at a true burn rate of 1, looked at after every single bad
event, by all paging rules together, for each objective and rate. Prints the table of
docs/methodology.md.
"""

import math
import random
from bisect import bisect_right
from datetime import timedelta
from itertools import accumulate

from slas import budget
from slas.budget import Counts, Rule

OBJECTIVES = (0.8, 0.9, 0.95, 0.985, 0.99, 0.995, 0.999, 0.9999)
RATES = (10, 60, 600)  # events an hour
MINUTES = 30 * 24 * 60
MONTHS = 20
MOST = 0.5  # false pages a month
WINDOW = timedelta(minutes=5)  # of the promise, and so of the fast rule


def run() -> bool:
    """Print false pages per 30 days; True when none is over the promise."""
    print(
        "  objective   " + "".join(f"{rate:>10}/h" for rate in RATES) + "   false pages in 30 days"
    )
    kept = True
    for objective in OBJECTIVES:
        figures = [false_pages(objective, rate, MONTHS, seed=1) for rate in RATES]
        kept &= max(figures) <= MOST
        print(f"  {objective:<12.2%}" + "".join(f"{figure:12.2f}" for figure in figures))
    print(f"  promise: <= {MOST:g} each")
    return kept


def paging(objective: float, window: timedelta = WINDOW) -> list[Rule]:
    """All standard rules that page."""
    standard = [rule for rule in budget.rules(objective, budget.PERIOD) if rule.pages]
    return [budget.fast(objective, window), *standard]


def false_pages(objective: float, rate: float, months: int, seed: int) -> float:
    """Pages per 30 days of a service that fails exactly as often as it may."""
    random.seed(seed)
    rules = paging(objective)
    return sum(len(Month(objective, rate).pages(rules)) for _ in range(months)) / months


class Month:
    """30 days of events at random, each bad with the probability that is allowed."""

    def __init__(self, objective: float, rate: float) -> None:
        self.objective = objective
        # Events before each minute, and the number of each bad event.
        self.before = [0, *accumulate(_poisson(rate / 60) for _ in range(MINUTES))]
        self.bads: list[int] = []
        at = _gap(1 - objective)
        while at < self.before[-1]:
            self.bads.append(at)
            at += 1 + _gap(1 - objective)
        self.minutes = [bisect_right(self.before, bad) - 1 for bad in self.bads]

    def pages(self, rules: list[Rule]) -> list[int]:
        """The minutes in which an alert opens; it ends as the portal's do."""
        found: list[int] = []
        closed = -1
        for number, minute in enumerate(self.minutes):
            if minute < closed:
                continue
            fired = next((rule for rule in rules if self._fires(rule, number)), None)
            if fired:
                found.append(minute)
                closed = self._closed(fired, minute + 1)
        return found

    def _fires(self, rule: Rule, number: int) -> bool:
        """Right after a bad event: whole minutes before, and what there is of its own."""
        minute, event = self.minutes[number], self.bads[number]
        long, short = (
            self._counts(minute - window // budget.MINUTE, event + 1, number + 1)
            for window in (rule.long, rule.short)
        )
        return budget.fires(rule, self.objective, long, short)

    def _closed(self, rule: Rule, minute: int) -> int:
        """The minute from which on the rule's long window is good again."""
        length = rule.long // budget.MINUTE
        while minute < MINUTES:
            until = self.before[minute]
            bads = bisect_right(self.bads, until - 1)
            if budget.recovered(rule, self.objective, self._counts(minute - length, until, bads)):
                break
            minute += 1
        return minute

    def _counts(self, since: int, events: int, bads: int) -> Counts:
        start = self.before[max(since, 0)]
        bad = bads - bisect_right(self.bads, start - 1)
        return Counts(events - start - bad, events - start)


def _gap(share: float) -> int:
    """How many good events come before the next bad one."""
    return int(math.log(1.0 - random.random()) / math.log1p(-share))


def _poisson(mean: float) -> int:
    """Knuth's method; means here are at most 10."""
    limit, count, product = math.exp(-mean), 0, random.random()
    while product > limit:
        count += 1
        product *= random.random()
    return count
