"""PURE: a recorded trace, its idle time cut, moved to another time. No clock, no database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

# A metric row as it goes over the wire, still without client and timestamp.
Row = dict[str, Any]

# Nights, weekends and the months between two rounds of a study would eat the span.
LONGEST_GAP = timedelta(hours=6)


@dataclass(frozen=True)
class Trace:
    """What was recorded: rows with their times, and groups of rows that have none."""

    dated: Sequence[tuple[datetime, Row]]
    undated: Sequence[Sequence[Row]] = ()


@dataclass(frozen=True)
class Dataset:
    """A trace that ships with the portal."""

    code: str
    client_code: str
    client_name: str
    load: Callable[[], Trace]


@dataclass(frozen=True)
class Moment:
    """A row and how long after the trace's first it comes, idle gaps cut."""

    offset: timedelta
    row: Row


def compact(trace: Trace, longest_gap: timedelta = LONGEST_GAP) -> list[Moment]:
    """The trace in order of time, no idle gap longer than ``longest_gap``.

    Each group of undated rows is spread evenly over what is left, keeping its
    order. They come in only now: earlier, they would split the gaps to be cut.
    Raises ValueError for a trace without a dated row.
    """
    if not trace.dated:
        raise ValueError("A trace needs at least one row with a time.")
    dated = sorted(trace.dated, key=lambda pair: pair[0])
    offset = timedelta()
    moments = [Moment(offset, dated[0][1])]
    for (before, _), (at, row) in pairwise(dated):
        offset += min(at - before, longest_gap)
        moments.append(Moment(offset, row))
    for group in trace.undated:
        step = offset / len(group) if group else offset
        moments += [Moment(step * (index + 0.5), row) for index, row in enumerate(group)]
    return sorted(moments, key=lambda moment: moment.offset)


def speed_for(moments: Sequence[Moment], span: timedelta) -> float:
    """The speed (trace seconds per second) at which the whole trace takes ``span``."""
    return moments[-1].offset / span


def shift(moments: Sequence[Moment], *, end: datetime, speed: float) -> list[tuple[datetime, Row]]:
    """Each row at ``end - (last - offset) / speed``: the last one falls on ``end``.

    Only the distances between rows are scaled, never a value in them.
    """
    last = moments[-1].offset
    return [(end - (last - moment.offset) / speed, moment.row) for moment in moments]
