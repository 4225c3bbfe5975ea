"""What would make a noisy rule quieter, and what it would have told instead: a backtest each.

Nothing is changed here: a person reads both numbers, and edits the promise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q

from alerts.models import Alert, AlertEvent
from slas import backtest, slis
from slas.backtest import Clock, Episode
from slas.objectives import Objective

# What is tried: multiples of the window and of the least number of measurements, and hold times.
WINDOWS, MINIMA = (2, 3), (2, 4)
HOLDS = [timedelta(minutes=minutes) for minutes in (2, 5, 10)]
# A change has to be worth it.
WORTH = 0.7
# Alerts and replayed episodes are not timed alike: the portal looks every few seconds.
SLACK = timedelta(minutes=2)


@dataclass(frozen=True)
class Needed:
    """An alert that people did need: judged actionable, or taken on and not judged otherwise."""

    alert_id: int
    client_id: int
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Trial:
    """What one set of numbers would have told."""

    what: str  # "window of 10 min"
    alerts: int
    found: int  # of the needed alerts, how many it tells as well
    later: timedelta  # how much later a breach is told, at least

    @property
    def later_in_words(self) -> str:
        """ "5 min"; "" when it is told as soon as now."""
        return _minutes(self.later) if self.later else ""


@dataclass(frozen=True)
class Proposal:
    """The numbers in force, all that was tried, and what is best of it; None: leave it."""

    objective: Objective
    start: datetime
    end: datetime
    needed: int
    now: Trial
    trials: list[Trial]
    best: Trial | None


def propose(objective: Objective, client_ids: Sequence[int], now: datetime, days: int) -> Proposal:
    """Try quieter numbers on the last ``days``. Raises slas.backtest.TooMuchError."""
    end = now.replace(second=0, microsecond=0)
    start = end - timedelta(days=days)
    needed = needed_alerts(objective.key, client_ids, start, end)
    clock, rows_since = Clock(), slis.kept_since(now)

    def episodes(changed: Objective) -> list[Episode]:
        run = backtest.replay(changed, client_ids, start, end, rows_since=rows_since, clock=clock)
        return run.alerts

    in_force = episodes(objective)
    current = trial("as it is", in_force, needed, end)
    trials = [
        trial(f"hold time of {_minutes(hold)}", held(in_force, hold, end), needed, end, hold)
        for hold in HOLDS
    ]
    for factor in WINDOWS:
        wider = replace(objective, window=objective.window * factor)
        what = f"window of {_minutes(wider.window)} instead of {_minutes(objective.window)}"
        trials.append(trial(what, episodes(wider), needed, end))
    for factor in MINIMA:
        more = replace(objective, minimum=objective.minimum * factor)
        what = f"at least {more.minimum:,} measurements instead of {objective.minimum:,}"
        trials.append(trial(what, episodes(more), needed, end))
    return Proposal(objective, start, end, len(needed), current, trials, best(current, trials))


def best(current: Trial, trials: Iterable[Trial]) -> Trial | None:
    """PURE: the quietest that tells all that was needed; of equals the one that tells soonest."""
    fit = [
        one for one in trials if one.found >= current.found and one.alerts <= WORTH * current.alerts
    ]
    return min(fit, key=lambda one: (one.alerts, one.later), default=None)


def held(episodes: Iterable[Episode], hold: timedelta, end: datetime) -> list[Episode]:
    """PURE: what is left of the episodes when each has to last so long before it is told."""
    return [
        replace(one, start=one.start + hold)
        for one in episodes
        if (one.end or end) - one.start >= hold
    ]


def trial(
    what: str,
    episodes: Sequence[Episode],
    needed: Iterable[Needed],
    end: datetime,
    later: timedelta = timedelta(0),
) -> Trial:
    """PURE: how many alerts, and how many of the needed ones among them."""
    found = sum(any(_same(one, episode, end) for episode in episodes) for one in needed)
    return Trial(what, len(episodes), found, later)


def needed_alerts(
    key: str, client_ids: Sequence[int], start: datetime, end: datetime
) -> list[Needed]:
    """Those of the objective's alerts in the span that people did need."""
    taken = AlertEvent.objects.filter(kind=AlertEvent.Kind.ACKNOWLEDGED)
    alerts = Alert.objects.filter(
        Q(actionable=True) | Q(actionable=None, events__in=taken),
        objective=key,
        client__in=list(client_ids),
        created_at__gte=start,
        created_at__lt=end,
    ).distinct()
    return [
        Needed(pk, client_id, opened, resolved or end)
        for pk, client_id, opened, resolved in alerts.values_list(
            "pk", "client_id", "created_at", "resolved_at"
        )
    ]


def _same(needed: Needed, episode: Episode, end: datetime) -> bool:
    return (
        needed.client_id == episode.client_id
        and episode.start - SLACK <= needed.end
        and (episode.end or end) + SLACK >= needed.start
    )


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:g} min"
