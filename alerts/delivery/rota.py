"""PURE: who is on call when, from a schedule's rotations and overrides.

Turns and hours are reckoned on the clock on the wall of the schedule's zone, so a
hand-over at 09:00 stays at 09:00 when clocks change, and that one turn is an hour
longer or shorter. A wall time that clocks jump over is an hour later (02:30 becomes
03:30); one that comes twice is the first of the two. A turn ends where the next one
begins, by the same reckoning: changes of the clock leave neither gap nor overlap.

An override wins over every rotation, the later requested one over the earlier;
of rotations the highest layer that has somebody wins. Who is not active has no
turn: a lower layer fills it, or it is a gap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(frozen=True)
class Layer:
    """A rotation: ``people`` are user ids in the order of their turns; None: not active."""

    number: int
    people: Sequence[int | None]
    starts_on: date
    handover_weekday: int
    handover_time: time
    weeks: int = 1
    ends_on: date | None = None
    weekdays: frozenset[int] = frozenset()
    hours: tuple[time, time] | None = None
    name: str = ""


@dataclass(frozen=True)
class Cover:
    """An override in force from ``start`` to ``end``; the later a Cover, the greater ``number``."""

    number: int
    person: int
    start: datetime
    end: datetime
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """A schedule as plain values."""

    zone: str
    layers: Sequence[Layer] = ()
    covers: Sequence[Cover] = ()

    @property
    def longest(self) -> timedelta:
        """No shift is longer than this."""
        spans = [layer.weeks * WEEK + DAY for layer in self.layers]
        return max([*spans, *(cover.end - cover.start for cover in self.covers)], default=DAY)


@dataclass(frozen=True)
class Shift:
    """Somebody's uninterrupted time on call, in UTC; ``person`` None: a gap."""

    start: datetime
    end: datetime
    person: int | None
    # What puts them there: the name of a rotation, or an override's reason.
    source: str = ""
    is_override: bool = False


@dataclass(frozen=True)
class _Piece:
    rank: tuple[int, int]  # the greatest wins
    turn: int
    start: datetime
    end: datetime
    person: int | None = field(compare=False)
    source: str = field(compare=False, default="")

    @property
    def is_override(self) -> bool:
        return self.rank[0] == 1


def on_call(plan: Plan, at: datetime) -> int | None:
    """Who is on call at the moment ``at``; None: nobody."""
    winner = _winner(list(_pieces(plan, at, at + timedelta(microseconds=1))), at)
    return winner.person if winner else None


def shifts(plan: Plan, since: datetime, until: datetime) -> list[Shift]:
    """All shifts and gaps from ``since`` to ``until``, cut there, without a hole.

    A person's consecutive turns are a shift each.
    """
    if since >= until:
        return []
    pieces = list(_pieces(plan, since, until))
    edges = {since, until}
    edges |= {edge for p in pieces for edge in (p.start, p.end) if since < edge < until}
    marks = sorted(edges)
    found: list[tuple[_Piece | None, Shift]] = []
    for start, end in pairwise(marks):
        winner = _winner(pieces, start)
        if found and _same(found[-1][0], winner):
            start = found.pop()[1].start  # the shift goes on
        found.append((winner, _shift(winner, start, end)))
    return [shift for _winner_, shift in found]


def moment(day: date, at: time, zone: str) -> datetime:
    """The wall time in UTC."""
    return datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _shift(piece: _Piece | None, start: datetime, end: datetime) -> Shift:
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if piece is None:
        return Shift(start, end, None)
    return Shift(start, end, piece.person, piece.source, piece.is_override)


def _same(one: _Piece | None, other: _Piece | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.rank, one.turn) == (other.rank, other.turn)


def _winner(pieces: Sequence[_Piece], at: datetime) -> _Piece | None:
    present = [piece for piece in pieces if piece.start <= at < piece.end]
    return max(present, key=lambda piece: piece.rank, default=None)


def _pieces(plan: Plan, since: datetime, until: datetime) -> Iterator[_Piece]:
    for cover in plan.covers:
        if cover.start < until and cover.end > since:
            rank = (1, cover.number)
            yield _Piece(rank, 0, cover.start, cover.end, cover.person, cover.reason)
    for layer in plan.layers:
        yield from _turns(layer, plan.zone, since, until)


def _turns(layer: Layer, zone: str, since: datetime, until: datetime) -> Iterator[_Piece]:
    if not layer.people:
        return
    # The hand-over on or before the first day: from there turns are counted.
    back = (layer.starts_on.weekday() - layer.handover_weekday) % 7
    anchor = layer.starts_on - timedelta(days=back)
    first_moment = moment(layer.starts_on, layer.handover_time, zone)
    last_moment = moment(layer.ends_on, layer.handover_time, zone) if layer.ends_on else None
    span = layer.weeks * 7
    # Early enough for any time of day: zones are less than a day from UTC.
    number = max(0, ((since - 2 * DAY).date() - anchor).days // span)
    while True:
        day = anchor + timedelta(days=number * span)
        start = moment(day, layer.handover_time, zone)
        end = moment(day + timedelta(days=span), layer.handover_time, zone)
        if start >= until or (last_moment is not None and start >= last_moment):
            return
        person = layer.people[number % len(layer.people)]
        low = max(start, first_moment)
        high = min(end, last_moment) if last_moment is not None else end
        if person is not None and low < high and high > since:
            for begin, finish in _hours(layer, zone, low, high, since, until):
                yield _Piece((0, layer.number), number, begin, finish, person, layer.name)
        number += 1


def _hours(
    layer: Layer, zone: str, low: datetime, high: datetime, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """What of a turn, from ``low`` to ``high``, lies in the layer's hours and near the span."""
    if layer.hours is None and not layer.weekdays:
        yield low, high
        return
    opens, closes = layer.hours or (time(0), time(0))
    day = max((low - 2 * DAY).date(), (since - 2 * DAY).date())
    last = min((high + DAY).date(), (until + DAY).date())
    while day <= last:
        if not layer.weekdays or day.weekday() in layer.weekdays:
            begin = moment(day, opens, zone)
            finish = moment(day + DAY if closes <= opens else day, closes, zone)
            begin, finish = max(begin, low), min(finish, high)
            if begin < finish:
                yield begin, finish
        day += DAY
