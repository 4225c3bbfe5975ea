"""PURE: OTLP's histograms → ours (metrics.histogram: base 2, scale 5).

How far a percentile read from the result may be off, beside the 1.08 % of our own buckets:

- exponential of scale s ≥ 5, times a factor that is a power of 2**(1/32), such as 1: nothing;
  ``idx >> (s - 5)`` is exact.
- exponential otherwise (a coarser scale; or s → ms, which moves it by 318.9 of our buckets): spread
  over what each bucket covers, so one bucket of theirs: (1 + 1.08 %) * 2**(2**-s) - 1 in all, which
  is 3.3 % at scale 5, 1.4 % at scale 8 and 1.1 % at scale 20.
- explicit buckets: spread evenly over each, so the width of the bucket that it lies in.

The last two are flagged approximate. Counts stay integers and sum exactly to the point's.
"""

import math
from dataclasses import dataclass

from metrics.histogram import BUCKETS_PER_DOUBLING, SCALE, SMALLEST, bucket, middle
from metrics.otlp.histograms import (
    MAX_VALUE,
    BadHistogram,
    Buckets,
    Explicit,
    Exponential,
    exponent,
)

# 64 doublings. What spans more is no measurement, only work.
MOST_BUCKETS = 2048
# Below, values count as 0 (metrics.histogram).
LOWEST, HIGHEST = bucket(SMALLEST), bucket(MAX_VALUE)
BEYOND = f"It holds values beyond ±{MAX_VALUE:g}."


@dataclass(frozen=True)
class Converted:
    """A histogram of ours; ``smallest`` and ``largest`` are None without values."""

    total: int
    sum: float
    smallest: float | None
    largest: float | None
    zero: int
    counts: dict[int, int]
    approximate: bool


def convert(histogram: Buckets, factor: float = 1.0) -> Converted:
    """Our histogram of the values times ``factor`` (> 0). Raises BadHistogram for too wide a one.

    Values of 0 and less are counted in ``zero``. An explicit bucket without a
    lower bound begins at min, or at 0 if that is not given; one without an upper
    bound ends at max, or all of it is counted just above its lower bound. Without
    a sum it is estimated from the buckets.
    """
    spread = _Spread(factor)
    if isinstance(histogram, Explicit):
        edges = _add_explicit(spread, histogram)
    else:
        edges = _add_exponential(spread, histogram)
    values, zero = sum(spread.counts.values()), spread.zero
    total = histogram.sum
    if total is None:
        total = spread.estimated_sum() / factor
    return Converted(
        total=values + zero,
        sum=_limited(total * factor),
        smallest=None if edges is None else _limited(edges[0] * factor),
        largest=None if edges is None else _limited(edges[1] * factor),
        zero=zero,
        counts=spread.counts,
        approximate=spread.approximate,
    )


@dataclass(frozen=True)
class _Even:
    """A bucket's values evenly over (low, high], high > 0."""

    low: float
    high: float

    def share(self, index: int) -> float:
        """The share of the values up to our bucket ``index``'s lower bound."""
        value = math.pow(2.0, index / BUCKETS_PER_DOUBLING)
        return (value - self.low) / (self.high - self.low)

    def place(self, share: float) -> int:
        """Our bucket that holds the value with ``share`` of the values below it."""
        return bucket(max(self.low + (self.high - self.low) * share, SMALLEST))


@dataclass(frozen=True)
class _EvenLogarithms:
    """The same, evenly by logarithm; low and high in widths of our buckets."""

    low: float
    high: float

    def share(self, index: int) -> float:
        """The share of the values up to our bucket ``index``'s lower bound."""
        return (index - self.low) / (self.high - self.low)

    def place(self, share: float) -> int:
        """Our bucket that holds the value with ``share`` of the values below it."""
        return math.ceil(self.low + (self.high - self.low) * share) - 1


class _Spread:
    """Collects counts in our buckets; the work for each point is bounded."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.counts: dict[int, int] = {}
        self.zero = 0
        self.approximate = False

    def put(self, index: int, count: int) -> None:
        """Count values that lie in our bucket ``index``."""
        if index < LOWEST:
            self.zero += count
            return
        if index > HIGHEST:
            raise BadHistogram(BEYOND)
        self.counts[index] = self.counts.get(index, 0) + count
        if len(self.counts) > MOST_BUCKETS:
            raise BadHistogram(f"It would fill more than {MOST_BUCKETS} buckets.")

    def over(self, stretch: _Even | _EvenLogarithms, count: int, bottom: int, top: int) -> None:
        """Spread ``count`` values over our buckets ``bottom`` to ``top``; none gets lost."""
        if count <= top - bottom:
            for number in range(count):
                index = stretch.place((number + 0.5) / count)
                self.put(min(max(index, bottom), top), 1)
            return
        above = count  # how many of them lie below what is still to be filled
        for index in range(top, bottom - 1, -1):
            share = stretch.share(index) if index > bottom else 0.0
            below = min(above, max(0, math.floor(count * share + 0.5)))
            if above > below:
                self.put(index, above - below)
            above = below
            if not above:
                return

    def evenly(self, low: float, high: float, count: int) -> None:
        """Count values that lie evenly over (low, high], in the unit of the emitter."""
        low, high = _limited(low * self.factor), _limited(high * self.factor)
        if high < SMALLEST:
            self.zero += count
        elif low >= high:
            self.put(bucket(high), count)
        else:
            if low < 0:
                negative = math.floor(count * (-low / (high - low)) + 0.5)
                self.zero += negative
                low, count = 0.0, count - negative
            self.approximate = True
            self.over(_Even(low, high), count, bucket(max(low, SMALLEST)), bucket(high))

    def evenly_by_logarithm(self, low: float, high: float, count: int) -> None:
        """Count values that lie so over (low, high], in widths of our buckets."""
        bottom, top = math.floor(low), math.ceil(high) - 1
        if top - bottom > MOST_BUCKETS:
            raise BadHistogram(f"One bucket would fill more than {MOST_BUCKETS} buckets.")
        if top <= bottom:
            self.put(top, count)
        else:
            self.approximate = True
            self.over(_EvenLogarithms(low, high), count, bottom, top)

    def estimated_sum(self) -> float:
        """What the values sum to, each taken as its bucket's middle."""
        return sum(middle(index) * count for index, count in self.counts.items())


def _limited(value: float) -> float:
    if not abs(value) <= MAX_VALUE:
        raise BadHistogram(BEYOND)
    return value


Edges = tuple[float, float]


def _add_explicit(spread: _Spread, histogram: Explicit) -> Edges | None:
    """Spread each bucket; between what the values lie, None without values."""
    edges: list[float] = []
    counts = histogram.counts or (histogram.total,)
    for place, count in enumerate(counts):
        if not count:
            continue
        low, high, known = _stretch(histogram, place)
        spread.evenly(low, high, count)
        spread.approximate |= not known
        edges += (low, high)
    return (min(edges), max(edges)) if edges else None


def _stretch(histogram: Explicit, place: int) -> tuple[float, float, bool]:
    """Where the values of bucket ``place`` lie, and whether its two ends are known."""
    bounds = histogram.bounds
    low = bounds[place - 1] if place else -math.inf
    high = bounds[place] if place < len(bounds) else math.inf
    if histogram.smallest is not None:
        low = max(low, histogram.smallest)
    if histogram.largest is not None:
        high = min(high, histogram.largest)
    known = math.isfinite(low) and math.isfinite(high)
    if not known and math.isinf(low) and math.isinf(high):
        low = high = histogram.sum / histogram.total if histogram.sum is not None else 0.0
    elif math.isinf(low):
        low = min(0.0, high)
    elif math.isinf(high):
        # Above the bound and no more is known: the least that it can be.
        high = math.nextafter(low, math.inf)
    return min(low, high), high, known


def _add_exponential(spread: _Spread, histogram: Exponential) -> Edges | None:
    """Move or spread each bucket; between what the values lie, None without values."""
    spread.zero += histogram.zero + histogram.below
    finer = histogram.scale - SCALE
    shift = math.log2(spread.factor) * BUCKETS_PER_DOUBLING
    if finer >= 0 and shift == round(shift):
        for index, count in histogram.positive.items():
            spread.put((index >> finer) + round(shift), count)
        return _exponential_edges(histogram)
    smallest, largest = histogram.smallest, histogram.largest
    least = -math.inf if smallest is None else exponent(smallest, SCALE)
    most = math.inf if largest is None or largest <= 0 else exponent(largest, SCALE)
    for index, count in histogram.positive.items():
        low, high = math.ldexp(index, -finer), math.ldexp(index + 1, -finer)
        # min and max cut the outermost buckets; nothing of one that lies outside them.
        low = max(low, least) if least < high else low
        high = min(high, most) if most >= low else high
        spread.evenly_by_logarithm(low + shift, high + shift, count)
    return _exponential_edges(histogram)


def _exponential_edges(histogram: Exponential) -> Edges | None:
    if not histogram.total:
        return None
    filled = [index for index, count in histogram.positive.items() if count]
    low = high = 0.0
    if filled:
        high = math.pow(2.0, math.ldexp(max(filled) + 1, -histogram.scale))
        if not histogram.zero and not histogram.below:
            low = math.pow(2.0, math.ldexp(min(filled), -histogram.scale))
    if histogram.smallest is not None:
        low = histogram.smallest if histogram.below else max(low, histogram.smallest)
    if histogram.largest is not None:
        high = min(high, histogram.largest)
    return min(low, high), high
