"""PURE: a minute series as the points of an SVG, with gaps where nothing was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 240.0, 40.0, 2.0
Point = tuple[float, float]


@dataclass(frozen=True)
class Sparkline:
    """What the template draws; ``title`` says the same in words."""

    lines: tuple[str, ...]
    dots: tuple[str, ...]
    title: str
    view_box: str = f"0 0 {WIDTH:g} {HEIGHT:g}"


def draw(values: Sequence[float | None], title: str) -> Sparkline:
    """Lines through neighbouring values, a dot where one stands alone.

    The scale starts at 0: half the height is half the value.
    """
    runs = segments(_points(values))
    lines = tuple(_path(run) for run in runs if len(run) > 1)
    # A line of no length, which round caps make a dot however the picture is stretched.
    dots = tuple(_path(run * 2) for run in runs if len(run) == 1)
    return Sparkline(lines, dots, title)


def segments(points: Sequence[Point | None]) -> list[list[Point]]:
    """Runs of neighbouring points, split at the gaps."""
    runs: list[list[Point]] = []
    before: Point | None = None
    for point in points:
        if point is not None:
            if before is None:
                runs.append([])
            runs[-1].append(point)
        before = point
    return runs


def _points(values: Sequence[float | None]) -> list[Point | None]:
    top = max((value for value in values if value is not None), default=0.0)
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    room = HEIGHT - 2 * MARGIN
    return [
        None
        if value is None
        else (
            round(MARGIN + index * step, 1),
            round(HEIGHT - MARGIN - (max(value, 0.0) / top * room if top > 0 else 0.0), 1),
        )
        for index, value in enumerate(values)
    ]


def _path(points: list[Point]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
