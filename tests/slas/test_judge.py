"""Figures → verdict, in tables of numbers."""

import math
from collections.abc import Callable

import pytest

from slas.judge import Figures, bad_ratio, judge, share_good
from slas.models import Verdict
from slas.objectives import Kind, Objective

OK, BREACH, FEW = Verdict.Status.OK, Verdict.Status.BREACH, Verdict.Status.INSUFFICIENT_DATA
Make = Callable[..., Objective]


@pytest.mark.parametrize("kind", [Kind.LATENCY, Kind.AVAILABILITY])
@pytest.mark.parametrize(
    ("share", "good", "total", "verdict"),
    [
        (95.0, 95, 100, OK),  # exactly what is promised
        (95.0, 94, 100, BREACH),
        (99.9, 999, 1000, OK),
        (99.9, 998, 1000, BREACH),
        (98.5, 197, 200, OK),
        (98.5, 196, 200, BREACH),
        (100.0, 20, 20, OK),
        (100.0, 19, 20, BREACH),
        (0.0, 0, 20, OK),
        (95.0, 0, 20, BREACH),
        (95.0, 5, 5, OK),  # exactly the minimum
        (95.0, 0, 4, FEW),
        (95.0, 4, 4, FEW),
        (95.0, 0, 0, FEW),
    ],
)
def test_it_holds_the_share_of_good_events_against_the_promise(
    objective: Make, kind: Kind, share: float, good: int, total: int, verdict: str
) -> None:
    figures = Figures(total=total, succeeded=good, good=good, percentile=1.0)
    ruling = judge(objective(kind, share=share, minimum=5), figures)
    assert (ruling.status, ruling.good, ruling.total) == (verdict, good, total)


@pytest.mark.parametrize(
    ("votes", "rating", "verdict"),
    [
        (10, 4.5, OK),
        (10, 4.49, BREACH),
        (10, 5.0, OK),
        (9, 1.0, FEW),
        (0, None, FEW),
    ],
)
def test_it_holds_the_mean_rating_against_the_target(
    objective: Make, votes: int, rating: float | None, verdict: str
) -> None:
    promise = objective(Kind.SATISFACTION, threshold=4.5, minimum=10)
    ruling = judge(promise, Figures(total=1000, votes=votes, rating=rating))
    assert (ruling.status, ruling.total, ruling.actual) == (verdict, votes, rating)
    assert ruling.good is None


@pytest.mark.parametrize(
    ("aggregate", "limit", "verdict"),
    [
        ("mean", 50.0, OK),  # at the limit is within it
        ("mean", 49.9, BREACH),
        ("max", 90.0, OK),
        ("max", 89.9, BREACH),
        ("latest", 70.0, OK),
        ("latest", 69.9, BREACH),
    ],
)
def test_it_compares_the_promised_aggregate_with_the_limit(
    objective: Make, aggregate: str, limit: float, verdict: str
) -> None:
    figures = Figures(total=3, succeeded=3, mean=50.0, largest=90.0, latest=70.0)
    ruling = judge(objective(Kind.LIMIT, aggregate=aggregate, threshold=limit), figures)
    assert ruling.status == verdict
    assert ruling.actual == {"mean": 50.0, "max": 90.0, "latest": 70.0}[aggregate]


@pytest.mark.parametrize(("total", "verdict"), [(2, FEW), (3, BREACH)])
def test_a_limit_waits_for_its_minimum(objective: Make, total: int, verdict: str) -> None:
    promise = objective(Kind.LIMIT, threshold=1.0, minimum=3)
    assert judge(promise, Figures(total=total, mean=9.0)).status == verdict


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("minimum", [0, 1, 5])
def test_nothing_measured_is_never_a_verdict(objective: Make, kind: Kind, minimum: int) -> None:
    assert judge(objective(kind, minimum=minimum), Figures()).status == FEW


def test_latency_names_the_percentile_of_the_successes(objective: Make) -> None:
    figures = Figures(total=9, succeeded=5, good=0, percentile=700.0, percentile_all=30_000.0)
    assert judge(objective(), figures).actual == 700.0


def test_latency_without_a_success_names_the_percentile_of_all(objective: Make) -> None:
    figures = Figures(total=9, succeeded=0, good=0, percentile=None, percentile_all=30_000.0)
    assert judge(objective(), figures).actual == 30_000.0


def test_availability_names_the_good_share_in_percent(objective: Make) -> None:
    figures = Figures(total=8, succeeded=8, good=7, percentile=700.0)
    assert judge(objective(Kind.AVAILABILITY), figures).actual == 87.5


@pytest.mark.parametrize(
    ("share", "good", "total", "burn"),
    [
        (95.0, 95, 100, 1.0),
        (95.0, 90, 100, 2.0),
        (95.0, 50, 100, 10.0),
        (99.9, 99, 100, 10.0),
        (99.5, 0, 7, 200.0),
        (98.5, 197, 200, 1.0),
        (95.0, 20, 20, 0.0),
        (100.0, 19, 20, math.inf),
        (100.0, 20, 20, 0.0),
        (0.0, 0, 5, 1.0),
    ],
)
def test_the_burn_rate_is_the_multiple_of_the_allowed_bad_share(
    objective: Make, share: float, good: int, total: int, burn: float
) -> None:
    assert bad_ratio(objective(share=share), total, good) == burn


def test_the_share_of_no_events_is_refused() -> None:
    with pytest.raises(ZeroDivisionError):
        share_good(0, 0)
