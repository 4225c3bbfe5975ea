"""Promise: a service that exactly keeps its objective pages at most once in two months for nothing.

Simulates 30 days of Poisson traffic at a true burn rate of 1, evaluated every
minute by the paging rules, for each objective and rate; and how long a total
outage takes to page. Prints the tables of docs/methodology.md.
"""

import math
import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import accumulate

from slas import budget
from slas.budget import Counts, Rule

OBJECTIVES = (0.8, 0.9, 0.95, 0.985, 0.99, 0.995, 0.999, 0.9999)
RATES = (10, 60, 600)  # events an hour
MINUTES = 30 * 24 * 60
MONTHS = 20
MOST = 0.5  # false pages a month
MONTH = timedelta(days=30)


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


def false_pages(objective: float, rate: float, months: int, seed: int) -> float:
    """Pages per 30 days of a service that fails exactly as often as it may."""
    random.seed(seed)
    rules = [rule for rule in budget.rules(objective, MONTH) if rule.pages]
    pages = 0
    for _ in range(months):
        totals = [_poisson(rate / 60) for _ in range(MINUTES)]
        bads = [sum(random.random() < 1 - objective for _ in range(total)) for total in totals]
        pages += _pages(objective, rules, totals, bads)
    return pages / months


def _pages(objective: float, rules: list[Rule], totals: list[int], bads: list[int]) -> int:
    """How often any rule begins to fire."""
    total, bad = [0, *accumulate(totals)], [0, *accumulate(bads)]
    pages, firing = 0, False
    for end in _ends(bads, rules):
        fired = any(
            budget.fires(rule, objective, *(_counts(total, bad, end, w) for w in _windows(rule)))
            for rule in rules
        )
        pages += fired and not firing
        firing = fired
    return pages


def _ends(bads: list[int], rules: list[Rule]) -> Iterator[int]:
    """Every minute after which a rule could fire: one with a bad event in its short window."""
    reach = max(int(rule.short.total_seconds() // 60) for rule in rules)
    last = -reach
    for minute, bad in enumerate(bads):
        if bad:
            last = minute
        if minute - last <= reach:
            yield minute + 1


def _windows(rule: Rule) -> tuple[int, int]:
    return int(rule.long.total_seconds() // 60), int(rule.short.total_seconds() // 60)


def _counts(total: list[int], bad: list[int], end: int, window: int) -> Counts:
    start = max(0, end - window)
    events = total[end] - total[start]
    return Counts(events - (bad[end] - bad[start]), events)


def _poisson(mean: float) -> int:
    """Knuth's method; means here are at most 10."""
    limit, count, product = math.exp(-mean), 0, random.random()
    while product > limit:
        count += 1
        product *= random.random()
    return count
