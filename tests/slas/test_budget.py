"""Error budgets and burn rates against the published numbers and against brute force."""

import math
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slas import budget
from slas.budget import Counts, Infeasible, Rule

MONTH = timedelta(days=30)
OBJECTIVES = (0.8, 0.9, 0.95, 0.985, 0.99, 0.995, 0.999, 0.9999)
STANDARD = [
    Rule(timedelta(hours=1), timedelta(minutes=5), 14.4, pages=True),
    Rule(timedelta(hours=6), timedelta(minutes=30), 6.0, pages=True),
    Rule(timedelta(days=1), timedelta(hours=2), 3.0, pages=False),
    Rule(timedelta(days=3), timedelta(hours=6), 1.0, pages=False),
]
SECOND, MINUTE, HOUR = 1.0, 60.0, 3600.0
# The workbook's arithmetic for error shares of 100, 50, 10 and 1 %; None: never.
FOUND = {
    0.999: [
        (51.84 * SECOND, 103.68 * SECOND, 8.64 * MINUTE, None),
        (2.16 * MINUTE, 4.32 * MINUTE, 21.6 * MINUTE, 3.6 * HOUR),
        (4.32 * MINUTE, 8.64 * MINUTE, 43.2 * MINUTE, 7.2 * HOUR),
        (4.32 * MINUTE, 8.64 * MINUTE, 43.2 * MINUTE, 7.2 * HOUR),
    ],
    0.995: [
        (4.32 * MINUTE, 8.64 * MINUTE, 43.2 * MINUTE, None),
        (10.8 * MINUTE, 21.6 * MINUTE, 1.8 * HOUR, None),
        (21.6 * MINUTE, 43.2 * MINUTE, 3.6 * HOUR, None),
        (21.6 * MINUTE, 43.2 * MINUTE, 3.6 * HOUR, 36 * HOUR),
    ],
}


@pytest.mark.parametrize("objective", [0.99, 0.995, 0.999, 0.9999])
def test_high_objectives_over_thirty_days_have_the_workbooks_rules(objective: float) -> None:
    for rule, standard in zip(budget.rules(objective, MONTH), STANDARD, strict=True):
        assert (rule.long, rule.short, rule.pages) == (
            standard.long,
            standard.short,
            standard.pages,
        )
        assert rule.burn == pytest.approx(standard.burn)


@pytest.mark.parametrize("objective", FOUND)
def test_times_to_detection_are_the_published_ones(objective: float) -> None:
    for rule, expected in zip(STANDARD, FOUND[objective], strict=True):
        for bad_share, seconds in zip((1.0, 0.5, 0.1, 0.01), expected, strict=True):
            found = rule.found_after(objective, bad_share)
            if seconds is None:
                assert found is None
            else:
                assert found is not None
                assert found.total_seconds() == pytest.approx(seconds)


def test_the_budget_spent_when_found_is_the_workbooks() -> None:
    spent = [rule.spent_when_found(MONTH) for rule in STANDARD]
    assert spent == pytest.approx([0.02, 0.05, 0.10, 0.10])


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("days", [1, 7, 28, 30, 90])
def test_every_rule_can_fire_and_a_total_outage_is_found_in_ten_minutes(
    objective: float, days: int
) -> None:
    rules = budget.rules(objective, timedelta(days=days))
    for rule in rules:
        budget.check_rule(rule, objective)
        assert rule.burn >= 1
    found = rules[0].found_after(objective, 1.0)
    assert rules[0].pages
    assert found is not None
    assert found <= timedelta(minutes=10)


@pytest.mark.parametrize(("objective", "most"), [(0.95, 20), (0.9, 10), (0.8, 5)])
def test_a_rule_that_could_never_fire_is_refused_with_the_arithmetic(
    objective: float, most: float
) -> None:
    assert budget.largest_burn(objective) == pytest.approx(most)
    rule = Rule(timedelta(hours=1), timedelta(minutes=5), most + 0.1, pages=True)
    with pytest.raises(Infeasible, match=rf"1 / \(1 − {objective:g}\) = {most:g}"):
        budget.check_rule(rule, objective)


@pytest.mark.parametrize("objective", [0.0, 1.0, 1.5, -1.0])
def test_an_objective_without_a_budget_is_refused(objective: float) -> None:
    with pytest.raises(ValueError, match="leaves no error budget"):
        budget.rules(objective, MONTH)


def test_burn_is_bad_share_over_allowed_share() -> None:
    assert budget.burn_rate(Counts(good=90, total=100), 0.95) == pytest.approx(2)
    assert budget.burn_rate(Counts(good=0, total=0), 0.95) is None


def test_what_is_left_of_a_budget() -> None:
    assert budget.budget(Counts(99, 100), 0.9).left_share == pytest.approx(0.9)
    assert budget.budget(Counts(80, 100), 0.9).left_share == pytest.approx(-1)
    assert budget.budget(Counts(0, 0), 0.9).left_share is None


def test_how_long_what_is_left_lasts() -> None:
    assert budget.exhausted_after(0.5, 10, MONTH) == timedelta(days=1.5)
    assert budget.exhausted_after(0.5, 0, MONTH) is None
    assert budget.exhausted_after(-0.1, 10, MONTH) == timedelta(0)


def test_both_windows_must_burn() -> None:
    rule, over, fine = STANDARD[0], Counts(500, 1000), Counts(1000, 1000)
    assert budget.fires(rule, 0.999, over, over)
    assert not budget.fires(rule, 0.999, over, fine)
    assert not budget.fires(rule, 0.999, fine, over)
    assert not budget.fires(rule, 0.999, over, Counts(0, 0))


def test_a_few_bad_events_of_little_traffic_do_not_fire() -> None:
    rule = STANDARD[0]
    assert not budget.fires(rule, 0.99, Counts(8, 10), Counts(0, 2))
    assert not budget.fires(rule, 0.9, Counts(7, 10), Counts(0, 3))
    assert budget.fires(rule, 0.99, Counts(6, 10), Counts(0, 4))


def exactly(bad: int, total: int, share: Fraction) -> Fraction:
    """P(X ≥ bad), by the definition."""
    return sum(
        (
            math.comb(total, count) * share**count * (1 - share) ** (total - count)
            for count in range(bad, total + 1)
        ),
        Fraction(0),
    )


@given(
    total=st.integers(1, 120),
    bad=st.integers(0, 120),
    share=st.sampled_from([Fraction(1, 10_000), Fraction(1, 100), Fraction(1, 10), Fraction(1, 5)]),
)
def test_the_chance_of_so_many_bad_events_is_the_binomial_tail(
    total: int, bad: int, share: Fraction
) -> None:
    found = budget.chance(bad, total, float(share))
    if bad > total:
        assert found == 0
    elif bad <= total * share:
        assert found == 1
    else:
        assert found == pytest.approx(float(exactly(bad, total, share)), rel=1e-9)


def test_the_chance_is_found_for_millions_of_events() -> None:
    assert budget.chance(10_400, 1_000_000, 0.01) == pytest.approx(3.2e-5, rel=0.1)


PER_MINUTE = 600


def simulated(rule: Rule, objective: float, bad_share: float) -> timedelta | None:
    """Minute by minute: when the rule first fires after a sudden, steady ``bad_share``."""
    bad = round(PER_MINUTE * bad_share)
    long, short = (round(window / timedelta(minutes=1)) for window in (rule.long, rule.short))
    for minute in range(1, long + 1):
        counts = [
            Counts(window * PER_MINUTE - min(minute, window) * bad, window * PER_MINUTE)
            for window in (long, short)
        ]
        if budget.fires(rule, objective, *counts):
            return timedelta(minutes=minute)
    return None


def guarded(rule: Rule, objective: float, bad_share: float) -> timedelta:
    """What the guard may cost at a burn of 1: 4.5 deviations' worth of bad events."""
    if rule.burn > 1:
        return timedelta(0)
    events = rule.long / timedelta(minutes=1) * PER_MINUTE
    deviation = math.sqrt(events * objective * (1 - objective))
    return timedelta(minutes=4.5 * deviation / (PER_MINUTE * bad_share))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("bad_share", [1.0, 0.5, 0.1, 0.01])
def test_minute_by_minute_a_failure_is_found_when_the_formula_says(
    objective: float, bad_share: float
) -> None:
    for rule in budget.rules(objective, MONTH):
        expected = rule.found_after(objective, bad_share)
        found = simulated(rule, objective, bad_share)
        if expected is None:
            assert found is None
        else:
            assert found is not None
            late = timedelta(minutes=1) + guarded(rule, objective, bad_share)
            assert timedelta(0) <= found - expected <= late
