"""PURE: windows that slide over counted minutes, and the alerts that the rules make of them."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from slas import burning, recent
from slas.budget import Counts, Rule
from slas.burning import Burn
from slas.judge import Figures, judge
from slas.models import Verdict
from slas.objectives import Kind, Objective
from slas.slis import Part

MINUTE = recent.MINUTE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A float is a whole number of 2**-1074: sums of those never round, in whatever order they slide.
_SHIFT = 1074
Span = tuple[datetime, datetime | None]  # without an end it is open still


def reach(objective: Objective, rules: Iterable[Rule]) -> timedelta:
    """How far back the windows look."""
    return max([recent.whole_minutes(objective.window), *(rule.long for rule in rules)])


def alerts_of(
    objective: Objective,
    rules: Sequence[Rule],
    parts: Sequence[Part],
    start: datetime,
    end: datetime,
) -> list[Span]:
    """When one client's alert would have been open, judged at each minute in (start, end].

    ``parts`` are whole minutes in the order of time, from a window before ``start`` on.
    """
    if rules:
        return _Burning(objective, rules, parts, start, end).spans()
    return _by_value(objective, parts, start, end)


def merged(parts: Iterable[Part]) -> list[Part]:
    """Parts of minutes, in the order of time, as whole minutes."""
    found: list[Part] = []
    for part in parts:
        if found and found[-1].minute == part.minute:
            before = found[-1]
            found[-1] = part._replace(
                good=before.good + part.good,
                total=before.total + part.total,
                value_sum=before.value_sum + part.value_sum,
                value_max=max(before.value_max, part.value_max),
                given_up=before.given_up + part.given_up,
            )
        else:
            found.append(part)
    return found


class _Burning:
    """A share objective's rules, minute by minute, over running totals."""

    def __init__(
        self,
        objective: Objective,
        rules: Sequence[Rule],
        parts: Sequence[Part],
        start: datetime,
        end: datetime,
    ) -> None:
        self._objective, self._rules = objective, rules
        self._origin = start - reach(objective, rules)
        self._first, self._last = (start - self._origin) // MINUTE, (end - self._origin) // MINUTE
        good, total = [0] * self._last, [0] * self._last
        for part in parts:
            index = (part.minute - self._origin) // MINUTE
            if 0 <= index < self._last:
                good[index], total[index] = part.good, part.total
        self._bad = [t > g for g, t in zip(good, total, strict=True)]
        self._good, self._total = [0, *accumulate(good)], [0, *accumulate(total)]
        self._since: dict[str, int] = {}  # of rules that burn

    def spans(self) -> list[Span]:
        """When an alert would have been open."""
        found: list[Span] = []
        opened, opened_by = 0, ""
        for minute, may_fire in self._minutes():
            if not may_fire and not opened_by:
                self._since.clear()
                continue
            burns = [self._burn(rule, minute) for rule in self._rules]
            fired = self._fired(burns, minute)
            if fired and not opened_by:
                opened, opened_by = minute, fired.rule.name
            elif opened_by and not fired and self._over(burns, opened_by):
                found.append((self._at(opened), self._at(minute)))
                opened_by = ""
        return [*found, (self._at(opened), None)] if opened_by else found

    def _minutes(self) -> Iterator[tuple[int, bool]]:
        """Each minute, and whether a short window has anything bad in it."""
        most = max(rule.short // MINUTE for rule in self._rules)
        last = -most
        for index in range(max(self._first + 1 - most, 0), self._first):
            last = index if self._bad[index] else last
        for minute in range(self._first + 1, self._last + 1):
            last = minute - 1 if self._bad[minute - 1] else last
            yield minute, minute - last <= most

    def _burn(self, rule: Rule, minute: int) -> Burn:
        long, short = (self._counts(window, minute) for window in (rule.long, rule.short))
        return Burn(rule, self._objective.share / 100, long, short)

    def _counts(self, window: timedelta, minute: int) -> Counts:
        start = minute - window // MINUTE
        return Counts(
            self._good[minute] - self._good[start], self._total[minute] - self._total[start]
        )

    def _fired(self, burns: list[Burn], minute: int) -> Burn | None:
        burnt = burning.burning(burns, self._objective.minimum)
        before, self._since = self._since, {}
        for burn in burnt:
            self._since[burn.rule.name] = before.get(burn.rule.name, minute)
        held = (one for one in burnt if self._held(one, minute))
        return next(held, None)

    def _held(self, burn: Burn, minute: int) -> bool:
        return (minute - self._since[burn.rule.name]) * MINUTE >= burn.rule.hold

    def _over(self, burns: list[Burn], opened_by: str) -> bool:
        burn = next(one for one in burns if one.rule.name == opened_by)
        return burn.long.total >= self._objective.minimum and burn.recovered

    def _at(self, minute: int) -> datetime:
        return self._origin + minute * MINUTE


def _by_value(
    objective: Objective, parts: Sequence[Part], start: datetime, end: datetime
) -> list[Span]:
    """A verdict can only change when a minute enters or leaves the window."""
    window = Window(objective)
    spans = [window.span(part) for part in parts]
    first, last = (start - _EPOCH) // MINUTE + 1, (end - _EPOCH) // MINUTE
    minutes = {first} | {at for span in spans for at in span if first < at <= last}
    entering, leaving = 0, 0
    found: list[Span] = []
    opened: datetime | None = None
    for minute in sorted(minutes):
        while entering < len(parts) and spans[entering][0] <= minute:
            window.enter(parts[entering])
            entering += 1
        while leaving < entering and spans[leaving][1] <= minute:
            window.leave(parts[leaving])
            leaving += 1
        status = window.status()
        if status == Verdict.Status.BREACH and opened is None:
            opened = _EPOCH + minute * MINUTE
        elif status == Verdict.Status.OK and opened is not None:
            found.append((opened, _EPOCH + minute * MINUTE))
            opened = None
    return found if opened is None else [*found, (opened, None)]


class Window:
    """The minutes in an objective's window, with exact sums while it slides."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._minutes = recent.whole_minutes(objective.window) // MINUTE
        self._good = self._total = self._sum = self._given_up = 0
        self._latest: float | None = None
        # The largest value first; behind it those that are largest once it left.
        self._largest: deque[tuple[Part, float]] = deque()

    def span(self, part: Part) -> tuple[int, int]:
        """The minute whose window first holds the part, and the first whose window doesn't."""
        enters = (part.minute - _EPOCH) // MINUTE + 1
        return enters, enters + self._minutes

    def enter(self, part: Part) -> None:
        """Take the next minute in."""
        self._count(part, 1)
        self._latest = part.latest
        while self._largest and self._largest[-1][1] <= part.value_max:
            self._largest.pop()
        self._largest.append((part, part.value_max))

    def leave(self, part: Part) -> None:
        """Let the oldest minute go."""
        self._count(part, -1)
        if self._largest and self._largest[0][0] is part:
            self._largest.popleft()

    def status(self) -> Verdict.Status:
        """The verdict on what the window holds."""
        total = self._total
        mean = self._sum / (total << _SHIFT) if total else None
        if self._objective.kind == Kind.SATISFACTION:
            figures = Figures(votes=total, rating=mean)
        else:
            figures = Figures(
                total,
                good=self._good,
                mean=mean,
                largest=self._largest[0][1] if self._largest else None,
                latest=self._latest if total else None,
                given_up=self._given_up,
            )
        return judge(self._objective, figures).status

    def _count(self, part: Part, sign: int) -> None:
        self._good += sign * part.good
        self._total += sign * part.total
        self._given_up += sign * part.given_up
        numerator, denominator = part.value_sum.as_integer_ratio()
        self._sum += sign * (numerator << _SHIFT) // denominator
