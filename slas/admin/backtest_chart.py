"""PURE: a backtest as the parts of an SVG: two lines, two targets, two lanes of alerts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from metrics import formats
from metrics.units import Unit
from slas import backtest
from slas.backtest import Backtest, Episode, Outcome
from slas.models import ResourceLimit
from slas.objectives import BY_SHARE, Kind, Objective
from slas.windows import Sums

WIDTH, HEIGHT, PAD = 1000.0, 100.0, 6.0
# A short alert among many days must still be seen.
LEAST = 4.0
Point = tuple[float, float]
# A set of numbers and what it made of the client; None: nothing promised, nothing measured.
Judged = tuple[Backtest | None, Outcome | None]


@dataclass(frozen=True)
class Band:
    """One alert in its lane."""

    x: float
    width: float
    title: str


@dataclass(frozen=True)
class Side:
    """One set of numbers: its line (broken where nothing was measured), target and alerts."""

    lines: list[str]
    target: float | None
    bands: list[Band]


@dataclass(frozen=True)
class Chart:
    """What the template draws; ``title`` says it in words."""

    sides: list[Side]  # in force, with these values
    top: str
    bottom: str
    title: str
    view_box: str = f"0 0 {WIDTH:g} {HEIGHT:g}"


def draw(now: Judged, then: Judged, title: str) -> Chart:
    """One client's history by the numbers in force beside that by the new ones."""
    values = [_values(*one) for one in (now, then)]
    runs = [run for run, _outcome in (then, now) if run is not None]
    measured = [value for own in values for value in own if value is not None]
    objective = runs[0].objective
    low, high = span(objective, [*measured, *(target(run.objective) for run in runs)])

    def y(value: float | None) -> float | None:
        if value is None:
            return None
        return round(HEIGHT - PAD - (value - low) / (high - low) * (HEIGHT - 2 * PAD), 1)

    sides = [
        Side(
            paths([y(value) for value in own]),
            y(target(run.objective)) if run else None,
            [band(one, run.start, run.end) for one in outcome.alerts] if run and outcome else [],
        )
        for own, (run, outcome) in zip(values, (now, then), strict=True)
    ]
    return Chart(sides, label(objective, high), label(objective, low), title)


def _values(run: Backtest | None, outcome: Outcome | None) -> list[float | None]:
    if run is None or outcome is None:
        return []
    return [judged(run.objective, sums) for sums in outcome.steps]


def judged(objective: Objective, sums: Sums) -> float | None:
    """What of a step is drawn: the share of good events, the mean, or the largest value."""
    if objective.kind not in (Kind.LIMIT, Kind.AT_LEAST):
        return backtest.attained(objective, sums)
    if objective.aggregate == ResourceLimit.Aggregate.MAXIMUM:
        return sums.value_max
    return sums.mean


def target(objective: Objective) -> float:
    """The figure that must be reached (a limit: not exceeded), on the chart's scale."""
    return objective.share if objective.kind in BY_SHARE else objective.threshold


def span(objective: Objective, values: Sequence[float]) -> tuple[float, float]:
    """The scale: shares end at 100 %, ratings at 5, limits begin at 0 unless values lie below."""
    low, high = min(values), max(values)
    if objective.kind in (Kind.LIMIT, Kind.AT_LEAST):
        low, high = min(low, 0.0), high * 1.1 if high > 0 else 1.0
    elif objective.kind == Kind.SATISFACTION:
        low, high = max(low - 0.25, 0.0), max(high, 5.0)
    else:
        low, high = max(_below(low), 0.0), 100.0
    return (low, high) if high > low else (high - 1.0, high)


def _below(share: float) -> float:
    """A round figure below a share, finer the closer it is to 100 %."""
    left = max(100.0 - share, 0.001)
    step = 10.0 ** math.floor(math.log10(left))
    return 100.0 - (math.floor(round(left / step, 6)) + 1) * step


def label(objective: Objective, value: float) -> str:
    """A figure at the scale's end."""
    if objective.kind in (Kind.LIMIT, Kind.AT_LEAST):
        return formats.measure(value, objective.unit)
    if objective.kind == Kind.SATISFACTION:
        return formats.number(value)
    return formats.measure(value, Unit.PERCENT)


def paths(heights: Sequence[float | None]) -> list[str]:
    """Runs of neighbouring steps as SVG paths; a lone step is a flat piece as wide as it is."""
    step = WIDTH / max(len(heights), 1)
    runs: list[list[Point]] = []
    before: float | None = None
    for index, height in enumerate(heights):
        if height is not None:
            if before is None:
                runs.append([])
            runs[-1].append((round((index + 0.5) * step, 1), height))
        before = height
    found = []
    for run in runs:
        if len(run) == 1:
            x, height = run[0]
            run[:] = [(round(x - step / 2, 1), height), (round(x + step / 2, 1), height)]
        found.append("M" + " L".join(f"{x:g} {height:g}" for x, height in run))
    return found


def band(alert: Episode, start: datetime, end: datetime) -> Band:
    """An alert's place in its lane, wide enough to see."""
    whole = end - start
    x = (alert.start - start) / whole * WIDTH
    width = max(((alert.end or end) - alert.start) / whole * WIDTH, LEAST)
    return Band(round(min(x, WIDTH - width), 1), round(width, 1), told(alert, end))


def told(alert: Episode, end: datetime) -> str:
    """When an alert would have been open, and how long."""
    since = timezone.localtime(alert.start)
    lasted = length((alert.end or end) - alert.start)
    if alert.end is None:
        return f"{since:%a %d %b %H:%M} on, still open ({lasted})"
    until = timezone.localtime(alert.end)
    day = "%H:%M" if until.date() == since.date() else "%a %d %b %H:%M"
    return f"{since:%a %d %b %H:%M} – {until.strftime(day)} ({lasted})"


def open_for(alerts: Sequence[Episode], end: datetime) -> timedelta:
    """How long alerts were open together."""
    return sum(((one.end or end) - one.start for one in alerts), timedelta())


def length(span: timedelta) -> str:
    """A span in its two largest units: "12 min", "1 h 5 min", "2 d 3 h"."""
    minutes = int(span.total_seconds()) // 60
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min")]
    shown = [f"{count}{formats.NBSP}{unit}" for count, unit in units if count][:2]
    return " ".join(shown) or f"0{formats.NBSP}min"
