"""PURE: stored and refused rows over time as the stacked bars of an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

STEP, WIDTH, HEIGHT = 10, 8, 100.0
# Few among many must still be seen.
LEAST = 2.0


@dataclass(frozen=True)
class Bar:
    """One span: two boxes, and what they say in words."""

    x: int
    stored_y: float
    stored: float
    rejected_y: float
    rejected: float
    title: str


@dataclass(frozen=True)
class Bars:
    """What the template draws."""

    bars: list[Bar]
    top: int  # what the full height stands for
    view_box: str
    width: int = WIDTH


def draw(amounts: Sequence[tuple[int, int]], titles: Sequence[str]) -> Bars:
    """(stored, refused) of each span; the scale starts at 0 and ends at the largest sum."""
    top = max((stored + rejected for stored, rejected in amounts), default=0)

    def height(rows: int) -> float:
        return round(max(rows / top * HEIGHT, LEAST), 1) if rows else 0.0

    def bar(index: int, stored: int, rejected: int) -> Bar:
        refused = height(rejected)
        accepted = min(height(stored), HEIGHT - refused)
        return Bar(
            x=index * STEP + (STEP - WIDTH) // 2,
            stored_y=round(HEIGHT - accepted, 1),
            stored=accepted,
            rejected_y=round(HEIGHT - accepted - refused, 1),
            rejected=refused,
            title=titles[index],
        )

    return Bars(
        [bar(index, *amount) for index, amount in enumerate(amounts)],
        top,
        f"0 0 {len(amounts) * STEP} {HEIGHT:g}",
    )
