"""What numbers would have meant: past rows judged by an objective that nobody promised yet.

The alert rules are those in force, judged at every whole minute as the evaluation does it
(slas.rules, slas.evaluating, alerts.raising). Nothing is stored.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from slas import older, sliding, slis, versions
from slas.objectives import Kind, Objective
from slas.rules import Rules
from slas.slis import Part
from slas.windows import Sums

SECONDS, MOST_PARTS = 20.0, 500_000
MOST_STEPS = 240
STEPS = [timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)]


class TooMuchError(Exception):
    """There is more history than can be counted in the time given."""


@dataclass(frozen=True)
class Episode:
    """An alert there would have been; without an end it would still be open."""

    client_id: int
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Outcome:
    """One client's history by these numbers."""

    client_id: int
    sums: Sums
    alerts: list[Episode]
    steps: list[Sums]  # what each step of the chart counted


@dataclass(frozen=True)
class Backtest:
    """An objective's numbers held against [start, end)."""

    objective: Objective
    start: datetime
    end: datetime
    step: timedelta
    outcomes: list[Outcome]  # of clients with events, by client
    first: datetime | None  # the first minute with an event

    @property
    def alerts(self) -> list[Episode]:
        """Every client's alerts."""
        return [alert for outcome in self.outcomes for alert in outcome.alerts]


class Clock:
    """The time that all queries and replays of one question may take together."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left. Raises TooMuchError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TooMuchError
        return left


def replay(
    objective: Objective,
    client_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    rows_since: datetime | None = None,
    clock: Clock | None = None,
) -> Backtest:
    """Judge the history of [start, end), whole minutes both, by the objective's numbers.

    The windows at the start reach back before it. What lies before
    ``rows_since`` comes from slas.older. Raises TooMuchError.
    """
    clock = clock or Clock()
    rules = Rules().of(objective)
    reach = start - sliding.reach(objective, rules)
    step = step_of(start, end)
    outcomes: list[Outcome] = []
    firsts: list[datetime] = []
    # One client at a time: memory follows the busiest, not their number.
    for client_id in client_ids:
        parts = _parts(objective, client_id, reach, end, rows_since, clock)
        counts = steps(parts, start, end, step)
        spans = sliding.alerts_of(objective, rules, parts, start, end)
        alerts = [Episode(client_id, *span) for span in spans]
        total = add(counts)
        if total.total or alerts:
            outcomes.append(Outcome(client_id, total, alerts, counts))
        firsts += [part.minute for part in parts if part.minute >= start][:1]
    return Backtest(objective, start, end, step, outcomes, min(firsts, default=None))


def _parts(
    objective: Objective,
    client_id: int,
    reach: datetime,
    end: datetime,
    rows_since: datetime | None,
    clock: Clock,
) -> list[Part]:
    """All that is known of a client's minutes from ``reach`` on, in the order of time."""
    since = max(reach, rows_since or reach)
    most = MOST_PARTS + 1
    with _bounded(clock):
        parts = slis.counted(
            versions.numbers(objective),
            [client_id],
            since,
            end,
            most=most,
        )
    if since > reach:
        with _bounded(clock):
            parts += older.counted(objective, [client_id], reach, since, most)
        parts.sort(key=lambda part: (part.minute, part.part))
    if len(parts) > MOST_PARTS:
        raise TooMuchError
    return sliding.merged(parts)


def attained(objective: Objective, sums: Sums) -> float | None:
    """PURE: percent of good events, or the mean rating; None without events."""
    if objective.kind in (Kind.SATISFACTION, Kind.AT_LEAST):
        return sums.mean
    return 100.0 * sums.good / sums.total if sums.total else None


def step_of(start: datetime, end: datetime) -> timedelta:
    """PURE: the chart's step, so that there are at most MOST_STEPS."""
    fitting = (step for step in STEPS if (end - start) / step <= MOST_STEPS)
    return next(fitting, STEPS[-1])


def steps(parts: Sequence[Part], start: datetime, end: datetime, step: timedelta) -> list[Sums]:
    """PURE: what was counted in each step of [start, end)."""
    count = -((start - end) // step)
    found: list[list[Part]] = [[] for _ in range(count)]
    for part in parts:
        if start <= part.minute < end:
            found[(part.minute - start) // step].append(part)
    return [
        Sums(
            sum(part.good for part in own),
            sum(part.total for part in own),
            sum(part.value_sum for part in own),
            max((part.value_max for part in own), default=None),
        )
        for own in found
    ]


def add(sums: Sequence[Sums]) -> Sums:
    """PURE: several spans as one."""
    largest = [one.value_max for one in sums if one.value_max is not None]
    return Sums(
        sum(one.good for one in sums),
        sum(one.total for one in sums),
        sum(one.value_sum for one in sums),
        max(largest, default=None),
    )


@contextmanager
def _bounded(clock: Clock) -> Iterator[None]:
    """Read within the time left. Raises TooMuchError when it doesn't do."""
    milliseconds = str(max(int(clock.left() * 1000), 1))
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])
            yield
            # Takes the limit back as well; there is nothing to keep.
            transaction.set_rollback(True)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooMuchError from error
        raise
