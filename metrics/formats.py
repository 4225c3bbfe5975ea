"""PURE: measured values as people write them. A no-break space keeps figure and unit together."""

import math
from datetime import timedelta

from metrics.units import Unit

NBSP = "\u00a0"
_UNITS: dict[str, str] = {
    Unit.MILLISECONDS: "ms",
    Unit.SECONDS: "s",
    Unit.MEGABYTES: "MB",
    Unit.REQUESTS_PER_SECOND: "req/s",
    Unit.PERCENT: "%",
    Unit.SCORE: f"of{NBSP}5",
    Unit.ACCURACY: "",
    Unit.COUNT: "",
}


def number(value: float | None) -> str:
    """A figure with thousands apart and about three significant digits; "–" for none."""
    if value is None:
        return "–"
    size = abs(value)
    if size and size < 1:
        return f"{value:.3g}"
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def measure(value: float | None, unit: str) -> str:
    """A figure with its unit: "5,210 ms", "4.3 of 5"; an unknown unit is written as it is."""
    if value is None:
        return "–"
    return _with_unit(number(value), unit)


def measures(value: float, limit: float, unit: str) -> tuple[str, str]:
    """Two figures that are compared: when rounding would make them look equal, it is finer."""
    first, second = number(value), number(limit)
    if first == second and value != limit:
        first = f"{value:,.3f}"
    return _with_unit(first, unit), _with_unit(second, unit)


def share(part: float, whole: float) -> str:
    """``part`` of ``whole`` in percent, rounded down: a missed target never looks met."""
    if not whole:
        return "–"
    percent = 100.0 * part / whole
    if 0 < percent < 0.1:
        return f"<{NBSP}0.1{NBSP}%"
    step = 100 if 99.9 < percent < 100 else 10
    # Binary fractions such as 99.7 lie a hair below: they are not to lose a tenth.
    return f"{math.floor(percent * step + 1e-9) / step:g}{NBSP}%"


def age(span: timedelta) -> str:
    """How long ago in its largest unit: "42 s", "17 min", "5 h", "3 d"."""
    seconds = max(span.total_seconds(), 0.0)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)}{NBSP}{unit}"
    return f"{int(seconds)}{NBSP}s"


def _with_unit(figure: str, unit: str) -> str:
    symbol = _UNITS.get(unit, unit)
    return f"{figure}{NBSP}{symbol}" if symbol else figure
