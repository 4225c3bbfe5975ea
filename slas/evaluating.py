"""What is counted now, held against every promise: findings for the alerts and verdicts.

A share objective is alerted of by its rules (slas.rules), which look at windows from minutes to
days; its verdict is about its own window. All other objectives are judged over that alone.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import DatabaseError, DataError, transaction

from accounts.models import PLATFORM, Client
from metrics import rollups
from slas import (
    asking,
    burning,
    compliance,
    held,
    objectives,
    recent,
    silence,
    slis,
    versions,
    windows,
)
from slas.budget import Counts, Rule
from slas.burning import Burn
from slas.compliance import Finding
from slas.judge import Figures, judge
from slas.models import ResourceLimit, Slo, Verdict
from slas.objectives import BY_SHARE, Kind, Objective
from slas.recent import Asked, Pair
from slas.rules import Rules
from slas.slis import Changes
from slas.windows import Sums

logger = logging.getLogger(__name__)
Status = Verdict.Status
Lengths = dict[timedelta, Sums]  # by length of the window
_RESOLUTION = timedelta(microseconds=1)
# Objectives whose longest windows are of the same order are read together.
_ORDERS = [timedelta(days=days) for days in (1, 3, 7)]


def refresh(now: datetime, *, light_alone: bool = False) -> Changes:
    """Count what has come in until now, so that the judgement doesn't wait for other tasks.

    Returns what that changed. With ``light_alone`` minutes with very many rows are left to a
    pass without it, which also brings the versions in line before (edits in the admin do that
    by themselves).
    """
    changes = Changes()
    steps: list[Callable[[], int]] = [
        lambda: (
            rollups.roll_up_all(light_alone=True) if light_alone else rollups.roll_up_at_leisure()
        ),
        lambda: slis.count_all(changes=changes),
    ]
    if not light_alone:
        steps.insert(0, lambda: versions.sync(now))
    for step in steps:
        try:
            step()
        except DatabaseError:
            # One minute that can't be counted must not silence all other promises.
            logger.exception("counting failed")
    return changes


def promised_to(pairs: Iterable[Pair]) -> list[Objective]:
    """The objectives in force of these clients and objectives: reading all takes far longer."""
    bases = Slo.objects.filter(pk__in={slo for _client, slo in pairs})
    return objectives.enabled(set(bases.values_list("base", flat=True)))


def evaluate(
    promised: Iterable[Objective],
    now: datetime,
    only: Collection[Pair] | None = None,
    steady: Callable[[Sequence[Finding]], Collection[Pair]] | None = None,
) -> list[Finding]:
    """Judge every objective for every client that anything was ever counted for, or ``only`` some.

    Where a client's contract is in force, its objectives take the place of the SLA's. The
    number of statements doesn't depend on that of objectives, except for those that are broken:
    of these the exact figures are read from the rows. ``steady`` is told those and says which
    need not be: of these what was counted has to do.
    """
    wanted = list(promised)
    in_force = Rules()
    longest = max((_longest(o, in_force.of(o)) for o in wanted), default=recent.MINUTE)
    asked = asking.asked(wanted, recent.start_of(longest, now), now, only)
    one_pass = _Pass(asked, {one.objective: in_force.of(one.objective) for one in asked}, now)
    counted = held.apply([one_pass.finding(one) for one in asked], now)
    found = [_of_window(_graded(finding)) for finding in counted]
    spared = steady([one for one in found if one.breached]) if steady else ()
    return [
        one if (one.client_id, one.slo_id) in spared else _exact(one, one_pass.platform)
        for one in found
    ]


def again(finding: Finding, since: datetime) -> bool:
    """Whether the finding would still be one if only what came from ``since`` on counted."""
    if since > finding.end:
        return False
    if not finding.burns:
        return finding.breached and (since <= finding.start or _broken(finding, since))
    cut = [_cut(finding, burn, since) for burn in finding.burns]
    return bool(burning.burning(cut, finding.objective.minimum))


def as_fired(finding: Finding) -> Finding:
    """The finding as it will be once the rule that burns has held: for a pending alert."""
    return _exact(_of_window(replace(finding, fired=finding.holding)))


class _Pass:
    """What one pass counted of everything that is asked, in a bounded number of statements."""

    def __init__(
        self, asked: Sequence[Asked], rules: dict[Objective, tuple[Rule, ...]], now: datetime
    ) -> None:
        self._now, self._rules = now, rules
        self._quiet = silence.components(now)
        self.platform = Client.objects.values_list("pk", flat=True).get(code=PLATFORM)
        self._sums = self._counted(asked)
        # Told apart from what had no events at all.
        without = [replace(one, excluded=()) for one in asked if one.excluded]
        self._gross = self._counted(without)
        newest = [one for one in asked if _by_latest(one.objective) and self._own(one).total]
        reach = max((one.objective.window for one in newest), default=recent.MINUTE)
        minutes = recent.last(newest, reach, now)
        self._latest = recent.latest(newest, minutes, self.platform)

    def _counted(self, asked: Sequence[Asked]) -> dict[Pair, Lengths]:
        alike: dict[timedelta, list[Asked]] = defaultdict(list)
        for one in asked:
            longest = _longest(one.objective, self._rules[one.objective])
            alike[next((order for order in _ORDERS if longest <= order), longest)].append(one)
        found: dict[Pair, Lengths] = {}
        for group in alike.values():
            lengths = {
                length
                for objective in {one.objective for one in group}
                for length in _lengths(objective, self._rules[objective])
            }
            found |= recent.sums(group, lengths, self._now)
        return found

    def _own(self, one: Asked) -> Sums:
        return self._sums[one.pair][recent.whole_minutes(one.objective.window)]

    def finding(self, one: Asked) -> Finding:
        """What the counts say, before hold times."""
        objective, counted = one.objective, self._sums[one.pair]
        figures = self._figures(one)
        share = objective.share / 100
        found = Finding(
            objective,
            one.pair[0],
            recent.start_of(objective.window, self._now),
            self._now,
            figures,
            judge(objective, figures),
            tuple(
                Burn(rule, share, counted[rule.long].counts, counted[rule.short].counts)
                for rule in self._rules[objective]
            ),
            slo_id=one.pair[1],
            excluded=one.excluded,
        )
        return self._without_data(found, one)

    def _figures(self, one: Asked) -> Figures:
        objective, sums = one.objective, self._own(one)
        if objective.kind in BY_SHARE:
            return Figures(sums.total, good=sums.good, succeeded=sums.good)
        if objective.kind == Kind.SATISFACTION:
            return Figures(votes=sums.total, rating=sums.mean)
        figures = Figures(
            sums.total,
            good=sums.good,
            mean=sums.mean,
            largest=sums.value_max,
            latest=self._latest.get(one.pair),
        )
        if (
            objective.aggregate == ResourceLimit.Aggregate.MAXIMUM
            and sums.value_max == objective.threshold
        ):
            # Calls given up right there are over the limit; only their rows tell.
            start, end = recent.start_of(objective.window, self._now), recent.until(self._now)
            return _measured(objective, one.pair[0], start, end, self.platform) or figures
        return figures

    def _without_data(self, found: Finding, one: Asked) -> Finding:
        """Excluded where nothing that was counted counts; no data where nothing comes at all."""
        if self._own(one).total:
            return found
        status, since = found.ruling.status, None
        gross = self._gross.get(one.pair, {}).get(recent.whole_minutes(one.objective.window))
        end = recent.end_of(self._now)
        quiet = self._quiet.get((found.client_id, one.objective.component))
        if (gross and gross.total) or not windows.included(found.start, end, one.excluded):
            status = Status.EXCLUDED
        elif quiet is not None:
            status, since = Status.NO_DATA, quiet.since
        ruling = replace(found.ruling, status=status)
        return replace(found, ruling=ruling, silent_since=since)


def _graded(finding: Finding) -> Finding:
    """At risk: the promise's own window misses it, but no rule says that it is no chance."""
    if finding.burns and finding.status == Status.BREACH and finding.fired is None:
        return replace(finding, ruling=replace(finding.ruling, status=Status.AT_RISK))
    return finding


def _of_window(finding: Finding) -> Finding:
    """A broken promise with what was counted in the window in question: that of its rule."""
    if not finding.fired:
        return finding
    short = finding.fired.short
    figures = Figures(short.total, good=short.good, succeeded=short.good)
    start = recent.start_of(finding.window, finding.end)
    ruling = judge(finding.objective, figures)
    return replace(finding, start=start, figures=figures, ruling=ruling, own=finding.ruling)


def _exact(finding: Finding, platform: int | None = None) -> Finding:
    """A broken promise with the exact figures of the window in question, from its rows."""
    if not finding.breached:
        return finding
    start = recent.start_of(finding.window, finding.end)
    end = recent.until(finding.end)
    figures = _measured(finding.objective, finding.client_id, start, end, platform)
    if figures is None:
        return finding
    ruling, own = judge(finding.objective, figures), finding.verdict
    return replace(finding, start=start, figures=figures, ruling=ruling, own=own)


def _measured(
    objective: Objective,
    client_id: int,
    start: datetime,
    end: datetime,
    platform: int | None = None,
) -> Figures | None:
    """From the rows; None where there are none (any more), or they can't be measured."""
    try:
        with transaction.atomic():
            found = compliance.measure(
                objective, start, end, platform_id=platform, client_id=client_id
            )
    except DataError:
        # Such as values whose mean overflows: what was counted has to do.
        logger.exception("measuring failed", extra={"objective": objective.key})
        return None
    return found[0].figures if found else None


def _broken(finding: Finding, since: datetime) -> bool:
    figures = _measured(finding.objective, finding.client_id, since, finding.end)
    return figures is not None and judge(finding.objective, figures).status == Status.BREACH


def _cut(finding: Finding, burn: Burn, since: datetime) -> Burn:
    """The rule's windows without what came before ``since``."""
    long, short = (
        counts if recent.start_of(length, finding.end) >= since else _from(finding, since)
        for counts, length in ((burn.long, burn.rule.long), (burn.short, burn.rule.short))
    )
    return replace(burn, long=long, short=short)


def _from(finding: Finding, since: datetime) -> Counts:
    """Whole minutes as they were counted, and the rows of the minute that ``since`` cuts."""
    first = recent.end_of(since)
    cut = _measured(finding.objective, finding.client_id, since, first - _RESOLUTION)
    good, total = (cut.good, cut.total) if cut else (0, 0)
    end = recent.end_of(finding.end)
    if finding.slo_id is not None and first < end:
        sums = windows.sums(finding.client_id, [finding.slo_id], first, end, finding.excluded)
        counted = sums.get(finding.slo_id, Sums())
        good, total = good + counted.good, total + counted.total
    return Counts(good, total)


def _lengths(objective: Objective, rules: Iterable[Rule]) -> set[timedelta]:
    """The windows that are looked at for an objective."""
    found = {length for rule in rules for length in (rule.long, rule.short)}
    return {recent.whole_minutes(objective.window), *found}


def _longest(objective: Objective, rules: Iterable[Rule]) -> timedelta:
    return max(_lengths(objective, rules))


def _by_latest(objective: Objective) -> bool:
    judged_by_value = objective.kind in (Kind.LIMIT, Kind.AT_LEAST)
    return judged_by_value and objective.aggregate == ResourceLimit.Aggregate.LATEST
