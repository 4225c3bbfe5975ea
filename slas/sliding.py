"""PURE: sliding windows over counted parts of minutes, and the alerts their verdicts make."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from slas.judge import Figures, judge
from slas.models import Verdict
from slas.objectives import Kind, Objective
from slas.slis import Part

MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A float is a whole number of 2**-1074: sums of those never round, in whatever order they slide.
_SHIFT = 1074


def cut(objective: Objective) -> timedelta:
    """Where in its minute a window begins that ends with a whole minute."""
    return MINUTE - objective.window % MINUTE


def alerts_of(
    objective: Objective, parts: Sequence[Part], start: datetime, end: datetime
) -> list[tuple[datetime, datetime | None]]:
    """When one client's alert would have been open, judged at each minute in (start, end].

    ``parts`` are in the order of time, cut where the objective's windows begin.
    A verdict can only change when a part enters or leaves the window.
    """
    window = Window(objective)
    spans = [window.span(part) for part in parts]
    first, last = (start - _EPOCH) // MINUTE + 1, (end - _EPOCH) // MINUTE
    minutes = {first} | {at for span in spans for at in span if first < at <= last}
    entering, leaving = 0, 0
    found: list[tuple[datetime, datetime | None]] = []
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
    """The parts in an objective's window, with exact sums while it slides."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._minutes, self._rest = divmod(int(objective.window.total_seconds()), 60)
        self._good = self._total = self._sum = self._given_up = 0
        self._latest: float | None = None
        # The largest value first; behind it those that are largest once it left.
        self._largest: deque[tuple[Part, float]] = deque()

    def span(self, part: Part) -> tuple[int, int]:
        """The minute whose window first holds the part, and the first whose window doesn't.

        A window leaves its start out and holds its end.
        """
        minute = (part.minute - _EPOCH) // MINUTE
        enters = minute + (part.part > 0)
        if part.part == 0:
            return enters, minute + self._minutes + (self._rest > 0)
        return enters, minute + self._minutes + part.part

    def enter(self, part: Part) -> None:
        """Take the next part in."""
        self._count(part, 1)
        self._latest = part.latest
        while self._largest and self._largest[-1][1] <= part.value_max:
            self._largest.pop()
        self._largest.append((part, part.value_max))

    def leave(self, part: Part) -> None:
        """Let the oldest part go."""
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
