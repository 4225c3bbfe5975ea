"""PURE: figures of a window → verdict. No database, no clock."""

from dataclasses import dataclass

from slas.models import ResourceLimit, Verdict
from slas.objectives import Kind, Objective


@dataclass(frozen=True)
class Figures:
    """What was counted in one window for one objective and client."""

    total: int = 0  # rows
    succeeded: int = 0
    good: int = 0  # succeeded within the objective's good_within
    percentile: float | None = None  # of successful rows, at the objective's share
    percentile_all: float | None = None  # of all rows
    median: float | None = None  # of successful rows
    mean: float | None = None  # of all rows
    largest: float | None = None
    latest: float | None = None
    votes: int = 0
    rating: float | None = None  # mean vote
    users: int = 0  # distinct users among the bad rows
    # Rows of calls given up at the threshold or later: how long they would have taken is unknown.
    given_up: int = 0


@dataclass(frozen=True)
class Ruling:
    """A verdict's status with the number that decided it."""

    status: Verdict.Status
    total: int
    good: int | None
    actual: float | None


def judge(objective: Objective, figures: Figures) -> Ruling:
    """Hold the figures against the objective.

    With fewer than ``objective.minimum`` measurements the verdict is
    insufficient_data whatever they say. ``actual`` has the unit of the
    objective's threshold: for latency the percentile at the promised share,
    for availability the good share in percent.
    """
    rules = {
        Kind.LATENCY: _latency,
        Kind.AVAILABILITY: _availability,
        Kind.SATISFACTION: _satisfaction,
        Kind.LIMIT: _limit,
        Kind.AT_LEAST: _at_least,
    }
    return rules[objective.kind](objective, figures)


def share_good(good: int, total: int) -> float:
    """Percent of good events. Raises ZeroDivisionError without events."""
    return 100.0 * good / total


def bad_ratio(objective: Objective, total: int, good: int) -> float:
    """How many times the allowed share of bad events there are: the burn rate.

    bad share / (1 - target), Google SRE Workbook ch. 5; infinite for a target of 100 %.
    """
    allowed = 100.0 - objective.share
    bad = 100.0 * (total - good) / total
    if allowed <= 0:
        return float("inf") if bad else 0.0
    # Rounded, or 50 % bad against 95 % would be 9.999… times the allowed share.
    return round(bad / allowed, 9)


def _latency(objective: Objective, figures: Figures) -> Ruling:
    # Without one success there is no percentile of successes to name.
    actual = figures.percentile if figures.succeeded else figures.percentile_all
    return _by_share(objective, figures, actual)


def _availability(objective: Objective, figures: Figures) -> Ruling:
    actual = share_good(figures.good, figures.total) if figures.total else None
    return _by_share(objective, figures, actual)


def _by_share(objective: Objective, figures: Figures, actual: float | None) -> Ruling:
    if figures.total < max(objective.minimum, 1):
        status = Verdict.Status.INSUFFICIENT_DATA
    elif share_good(figures.good, figures.total) < objective.share:
        status = Verdict.Status.BREACH
    else:
        status = Verdict.Status.OK
    return Ruling(status, figures.total, figures.good, actual)


def _satisfaction(objective: Objective, figures: Figures) -> Ruling:
    if figures.votes < max(objective.minimum, 1) or figures.rating is None:
        status = Verdict.Status.INSUFFICIENT_DATA
    elif _exactly(figures.rating) < _exactly(objective.threshold):
        status = Verdict.Status.BREACH
    else:
        status = Verdict.Status.OK
    return Ruling(status, figures.votes, None, figures.rating)


def _exactly(value: float) -> float:
    """Without a sum's rounding: the mean of ten votes of 4.4 is 4.4, not 4.3999999999999995."""
    return round(value, 9)


def _aggregate(objective: Objective, figures: Figures) -> float | None:
    values = {
        ResourceLimit.Aggregate.MEAN: figures.mean,
        ResourceLimit.Aggregate.MAXIMUM: figures.largest,
        ResourceLimit.Aggregate.LATEST: figures.latest,
    }
    return values[ResourceLimit.Aggregate(objective.aggregate)]


def _at_least(objective: Objective, figures: Figures) -> Ruling:
    actual = _aggregate(objective, figures)
    if figures.total < max(objective.minimum, 1) or actual is None:
        status = Verdict.Status.INSUFFICIENT_DATA
    elif _exactly(actual) < _exactly(objective.threshold):
        status = Verdict.Status.BREACH
    else:
        status = Verdict.Status.OK
    return Ruling(status, figures.total, None, actual)


def _limit(objective: Objective, figures: Figures) -> Ruling:
    actual = _aggregate(objective, figures)
    if figures.total < max(objective.minimum, 1) or actual is None:
        status = Verdict.Status.INSUFFICIENT_DATA
    elif _exactly(actual) > _exactly(objective.threshold) or (
        figures.given_up and objective.aggregate == ResourceLimit.Aggregate.MAXIMUM
    ):
        status = Verdict.Status.BREACH
    else:
        status = Verdict.Status.OK
    return Ruling(status, figures.total, None, actual)
