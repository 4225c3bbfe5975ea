"""PURE: shifts as a calendar strip: rows of seven days, each shift a block in the rows it touches.

Places are shares of a row in percent, by the clock on the wall of the reader's zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.delivery.rota import Shift

DAYS_A_ROW = 7
WEEK = timedelta(days=DAYS_A_ROW)
# Hues that keep apart in light and dark; red is for gaps.
HUES = (255, 155, 320, 85, 200, 285, 120, 55)
# Below these shares of a row a block has room for initials, and for nothing.
FULL_NAME, INITIALS = 20.0, 7.0


@dataclass(frozen=True)
class Person:
    """How somebody is shown."""

    name: str
    initials: str
    hue: int


@dataclass(frozen=True)
class Block:
    """A shift's part in one row."""

    left: str
    width: str
    label: str
    title: str
    person: Person | None
    is_override: bool


@dataclass
class Row:
    """Seven days."""

    days: list[date]
    blocks: list[Block] = field(default_factory=list)
    now: str = ""  # where now is, if it is in this row


def people_of(shifts: Sequence[Shift], names: Mapping[int, str]) -> dict[int, Person]:
    """Everybody who has a shift, with a hue each, in the order in which they appear."""
    order = dict.fromkeys(shift.person for shift in shifts if shift.person is not None)
    return {
        pk: Person(names.get(pk, "?"), _initials(names.get(pk, "?")), HUES[n % len(HUES)])
        for n, pk in enumerate(order)
    }


def strip(
    shifts: Sequence[Shift], people: Mapping[int, Person], first: date, rows: int, now: datetime
) -> list[Row]:
    """The rows from the day ``first`` on; ``now`` carries the reader's zone."""
    zone = now.tzinfo if isinstance(now.tzinfo, ZoneInfo) else ZoneInfo("UTC")
    found = []
    for number in range(rows):
        start = datetime.combine(first + number * WEEK, time(0))
        row = Row([start.date() + timedelta(days=day) for day in range(DAYS_A_ROW)])
        for shift in shifts:
            low = max(start, _wall(shift.start, zone))
            high = min(start + WEEK, _wall(shift.end, zone))
            if low < high:
                person = people.get(shift.person) if shift.person is not None else None
                row.blocks.append(_block(shift, person, _share(low - start), _share(high - low)))
        clock = _wall(now, zone)
        if start <= clock < start + WEEK:
            row.now = f"{_share(clock - start):.3f}"
        found.append(row)
    return found


def _block(shift: Shift, person: Person | None, left: float, width: float) -> Block:
    name = person.name if person else "Nobody"
    short = person.initials if person else ""
    label = name if width >= FULL_NAME else short if width >= INITIALS else ""
    why = f" ({'override: ' if shift.is_override else ''}{shift.source})" if shift.source else ""
    return Block(f"{left:.3f}", f"{width:.3f}", label, f"{name}{why}", person, shift.is_override)


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _share(span: timedelta) -> float:
    return 100 * (span / WEEK)


def _initials(name: str) -> str:
    words = name.split()
    return "".join(word[0] for word in ([words[0], words[-1]] if len(words) > 1 else words)).upper()
