"""PURE: OTLP's histograms, as they come: what is wrong with one, and what came since the last."""

import itertools
import math

import msgspec

# Sums over a minute's points must stay within bigint and float: PostgreSQL fails the roll-up else.
MAX_COUNT = 2**40
MAX_VALUE = 1e100
MIN_SCALE, MAX_SCALE = -10, 20


class BadHistogram(Exception):
    """A histogram that contradicts itself or can't be stored; says how."""


class Explicit(msgspec.Struct, frozen=True, tag="explicit"):
    """Counts of (bound, next bound]: one more than bounds, or none at all.

    ``smallest`` and ``largest`` limit the values; they need not be among them.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: int
    sum: float | None = None
    smallest: float | None = None
    largest: float | None = None

    def minus(self, last: "Explicit") -> "Explicit | None":
        """What came since ``last``; None if a count fell. Raises BadHistogram for other bounds."""
        if self.bounds != last.bounds or len(self.counts) != len(last.counts):
            raise BadHistogram("The bounds changed without a new start.")
        counts = tuple(new - old for new, old in zip(self.counts, last.counts, strict=True))
        total = self.total - last.total
        if total < 0 or min(counts, default=0) < 0:
            return None
        added = _difference(self.sum, last.sum)
        return msgspec.structs.replace(self, counts=counts, total=total, sum=added)


class Exponential(msgspec.Struct, frozen=True, tag="exponential"):
    """Counts by index at ``scale``, those within ``threshold`` of 0, and those below.

    ``smallest`` and ``largest`` limit the values; they need not be among them.
    """

    scale: int
    positive: dict[int, int]
    total: int
    zero: int = 0
    threshold: float = 0.0
    below: int = 0
    sum: float | None = None
    smallest: float | None = None
    largest: float | None = None

    def minus(self, last: "Exponential") -> "Exponential | None":
        """What came since ``last``, at the coarser of both scales; None if any count fell."""
        scale, threshold = min(self.scale, last.scale), max(self.threshold, last.threshold)
        new, old = (one.at(scale, threshold) for one in (self, last))
        positive = {
            index: new.positive.get(index, 0) - old.positive.get(index, 0)
            for index in new.positive.keys() | old.positive.keys()
        }
        rest = (new.total - old.total, new.zero - old.zero, new.below - old.below)
        if min(*positive.values(), *rest) < 0:
            return None
        total, zero, below = rest
        return msgspec.structs.replace(
            new,
            positive={index: count for index, count in positive.items() if count},
            total=total,
            zero=zero,
            below=below,
            sum=_difference(self.sum, last.sum),
        )

    def at(self, scale: int, threshold: float) -> "Exponential":
        """The same, coarser: what lies within the wider threshold of 0 counts as 0."""
        positive: dict[int, int] = {}
        zero = self.zero
        within = exponent(threshold, scale)
        for index, count in self.positive.items():
            merged = index >> (self.scale - scale)
            if merged + 1 <= within:
                zero += count
            else:
                positive[merged] = positive.get(merged, 0) + count
        return msgspec.structs.replace(
            self, scale=scale, threshold=threshold, positive=positive, zero=zero
        )


Buckets = Explicit | Exponential


def check(histogram: Buckets) -> None:
    """Raise BadHistogram for one that contradicts itself or is beyond what can be stored."""
    if not 0 <= histogram.total <= MAX_COUNT:
        raise BadHistogram(f"count is over {MAX_COUNT}.")
    for name in ("sum", "smallest", "largest"):
        value = getattr(histogram, name)
        if value is not None and not abs(value) <= MAX_VALUE:
            raise BadHistogram(f"{name} is not a number within ±{MAX_VALUE:g}.")
    if (
        histogram.smallest is not None
        and histogram.largest is not None
        and histogram.smallest > histogram.largest
    ):
        raise BadHistogram("min is greater than max.")
    _check_explicit(histogram) if isinstance(histogram, Explicit) else _check_exponential(histogram)


def _check_explicit(histogram: Explicit) -> None:
    bounds, counts = histogram.bounds, histogram.counts
    if any(not abs(bound) <= MAX_VALUE for bound in bounds):
        raise BadHistogram(f"A bound is not a number within ±{MAX_VALUE:g}.")
    if any(low >= high for low, high in itertools.pairwise(bounds)):
        raise BadHistogram("The bounds don't rise.")
    if counts or bounds:
        if len(counts) != len(bounds) + 1:
            raise BadHistogram(f"{len(bounds)} bounds need {len(bounds) + 1} counts.")
        if sum(counts) != histogram.total:
            raise BadHistogram("count is not the sum of the buckets' counts.")


def _check_exponential(histogram: Exponential) -> None:
    if not MIN_SCALE <= histogram.scale <= MAX_SCALE:
        raise BadHistogram(f"scale {histogram.scale} is not within {MIN_SCALE} to {MAX_SCALE}.")
    if not 0 <= histogram.threshold <= MAX_VALUE:
        raise BadHistogram("zero_threshold is not a number of 0 or more.")
    counted = sum(histogram.positive.values()) + histogram.zero + histogram.below
    if counted != histogram.total:
        raise BadHistogram("count is not the sum of the buckets' counts.")
    highest = max(histogram.positive, default=0)
    if math.ldexp(highest, -histogram.scale) > math.log2(MAX_VALUE):
        raise BadHistogram(f"A bucket lies beyond {MAX_VALUE:g}.")


def _difference(new: float | None, old: float | None) -> float | None:
    return None if new is None or old is None else new - old


def exponent(value: float, scale: int) -> float:
    """``value`` as a multiple of a bucket's width; -inf for 0."""
    return math.ldexp(math.log2(value), scale) if value > 0 else -math.inf
