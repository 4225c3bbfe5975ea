"""PURE: what a cumulative point adds to the last one of its series and start.

The start belongs to the series: a process that began anew counts by itself from
0, and two processes that say they are the same don't disturb each other.
"""

from typing import NamedTuple

import msgspec

from metrics.otlp.histograms import BadHistogram, Explicit, Exponential
from metrics.otlp.points import Point, Value


class Last(msgspec.Struct, frozen=True):
    """How far a cumulative series has come."""

    time: int
    value: Value


class Step(NamedTuple):
    """What a cumulative point leads to."""

    last: Last
    value: Value | None  # what came since the point before it; None: nothing to count
    reason: str = ""  # why something was left out


STARTED_BEFORE, BOUNDS_CHANGED = "counter_started_before_us", "histogram_bounds_changed"


def advance(last: Last | None, point: Point, since: int) -> Step:
    """What a cumulative point adds to the ``last`` one of its series and start.

    ``since``: a series that began before it (ns) may have been counted elsewhere
    already; of such a one the first point is only remembered. A point that is not
    newer than the last changes nothing. A value that fell is a reset, taken whole.
    """
    now = Last(point.time, point.value)
    if last is None:
        known = point.start > since
        return Step(now, point.value if known else None, "" if known else STARTED_BEFORE)
    if point.time <= last.time:
        return Step(last, None)
    try:
        difference = _minus(point.value, last.value)
    except BadHistogram:
        return Step(now, None, BOUNDS_CHANGED)
    return Step(now, point.value if difference is None else difference)


def _minus(new: Value, old: Value) -> Value | None:
    """What came since; None if it fell."""
    if isinstance(new, Explicit) and isinstance(old, Explicit):
        return new.minus(old)
    if isinstance(new, Exponential) and isinstance(old, Exponential):
        return new.minus(old)
    if isinstance(new, int | float) and isinstance(old, int | float):
        return new - old if new >= old else None
    raise BadHistogram("The kind of the points changed.")
