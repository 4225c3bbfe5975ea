"""The backtest's chart: scales, gaps and lanes."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from slas.admin import backtest_chart
from slas.backtest import Backtest, Episode, Outcome
from slas.objectives import Kind, Objective
from slas.windows import Sums

MakeObjective = Callable[..., Objective]
HOUR = timedelta(hours=1)


def run_of(objective: Objective, noon: datetime, shares: list[int | None]) -> Backtest:
    """Steps of an hour with so many good events of a hundred; None: no events."""
    steps = [Sums() if good is None else Sums(good, 100) for good in shares]
    alert = Episode(1, noon + HOUR, noon + HOUR + timedelta(minutes=1))
    outcome = Outcome(1, Sums(), [alert], steps)
    return Backtest(objective, noon, noon + len(shares) * HOUR, HOUR, [outcome], noon)


def test_the_line_breaks_where_nothing_was_measured(
    objective: MakeObjective, noon: datetime
) -> None:
    run = run_of(objective(), noon, [100, 100, None, 100, None, 100])
    chart = backtest_chart.draw((run, run.outcomes[0]), (run, run.outcomes[0]), "")
    assert [line.count("L") for line in chart.sides[0].lines] == [1, 1, 1]


def test_the_target_lies_between_what_kept_and_what_missed_it(
    objective: MakeObjective, noon: datetime
) -> None:
    run = run_of(objective(share=95.0), noon, [90, 100])
    side = backtest_chart.draw((None, None), (run, run.outcomes[0]), "").sides[1]
    missed, kept = (float(point.split()[1]) for point in side.lines[0][1:].split(" L"))
    assert side.target is not None
    assert kept < side.target < missed


@pytest.mark.parametrize(
    ("lowest", "bottom"), [(34.0, 30.0), (94.0, 93.0), (90.0, 80.0), (99.42, 99.4), (99.95, 99.94)]
)
def test_the_scale_of_shares_begins_at_a_round_figure(
    objective: MakeObjective, lowest: float, bottom: float
) -> None:
    low, high = backtest_chart.span(objective(), [lowest, 100.0])
    assert (round(low, 6), high) == (bottom, 100.0)


def test_the_scale_has_room_when_all_is_good(objective: MakeObjective) -> None:
    low, high = backtest_chart.span(objective(share=100.0), [100.0, 100.0])
    assert low < high


def test_a_minutes_alert_among_many_days_is_still_seen(noon: datetime) -> None:
    alert = Episode(1, noon, noon + timedelta(minutes=1))
    band = backtest_chart.band(alert, noon, noon + timedelta(days=30))
    assert band.width == backtest_chart.LEAST


def test_an_open_alert_at_the_end_stays_inside_its_lane(noon: datetime) -> None:
    end = noon + timedelta(days=30)
    band = backtest_chart.band(Episode(1, end, None), noon, end)
    assert band.x + band.width == backtest_chart.WIDTH


@pytest.mark.parametrize("kind", [Kind.LIMIT, Kind.SATISFACTION])
def test_other_kinds_show_their_value(objective: MakeObjective, kind: Kind) -> None:
    sums = Sums(1, 2, value_sum=9.0, value_max=6.0)
    assert backtest_chart.judged(objective(kind), sums) == 4.5
    if kind == Kind.LIMIT:
        assert backtest_chart.judged(objective(kind, aggregate="max"), sums) == 6.0


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (12, "12 min"), (65, "1 h 5 min"), (3065, "2 d 3 h")]
)
def test_lengths_in_two_units(minutes: int, text: str) -> None:
    assert backtest_chart.length(timedelta(minutes=minutes)).replace("\u00a0", " ") == text
