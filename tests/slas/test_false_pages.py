"""Pages for nothing, and how soon a real outage pages: simulated with all paging rules together."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bench import false_pages
from bench.false_pages import OBJECTIVES, RATES, paging
from slas import budget
from slas.budget import Counts, Rule

MONTHS = 3


@pytest.mark.parametrize("objective", [0.8, 0.99, 0.999])
def test_a_service_that_just_keeps_its_promise_hardly_ever_pages(objective: float) -> None:
    # The whole table takes minutes: `make bench ARGS=false_pages`. Here the rates share a sample.
    pages = [false_pages.false_pages(objective, rate, MONTHS, seed=7) for rate in RATES[:2]]
    assert sum(pages) / len(pages) <= false_pages.MOST


def test_without_the_guard_the_same_traffic_pages_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unguarded(objective: float) -> list[Rule]:
        return [replace(rule, min_bad=1, max_chance=1.0) for rule in paging(objective)]

    monkeypatch.setattr(false_pages, "paging", unguarded)
    monkeypatch.setattr(false_pages, "MINUTES", 10 * 24 * 60)
    assert false_pages.false_pages(0.99, 60, 1, seed=7) > 10 * false_pages.MOST


def outage(rule: Rule, objective: float, rate: int, minute: int) -> bool:
    """Whether the rule fires so many minutes into a total outage of steady traffic."""

    def counts(window: timedelta) -> Counts:
        total = round(rate * (window / timedelta(hours=1)))
        return Counts(max(total - round(rate * minute / 60), 0), total)

    return budget.fires(rule, objective, counts(rule.long), counts(rule.short))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("rate", [60, 600])
def test_a_total_outage_pages_within_ten_minutes(objective: float, rate: int) -> None:
    rules = paging(objective)
    found = [m for m in range(1, 11) if any(outage(rule, objective, rate, m) for rule in rules)]
    assert found
    # With ten requests a minute somebody knows within three.
    assert found[0] <= (3 if rate == 600 else 10)
