"""The mergeable latency histogram: OpenTelemetry's base-2 exponential one.

A positive value v falls into bucket ``ceil(log2(v) * 2**SCALE) - 1``, whose
bounds are ``(base**idx, base**(idx + 1)]`` with ``base = 2**(2**-SCALE)``. A
quantile read from it errs by at most ``(base - 1) / (base + 1)``: 1.08 % at
scale 5. Source: OpenTelemetry metrics data model, "ExponentialHistogram".
``BUCKET_SQL`` is the same mapping in SQL; a test holds the two together.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from metrics.packed import Dense

SCALE = 5
BUCKETS_PER_DOUBLING = 32  # 2**SCALE
BASE = math.pow(2.0, 1 / BUCKETS_PER_DOUBLING)
# Smaller positive values (denormals) would leave smallint; they count as zero.
SMALLEST = 2.3e-308
MAX_RELATIVE_ERROR = (BASE - 1) / (BASE + 1)
# What hours and days keep of their histograms (columns of those names) and series answer.
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

BUCKET_SQL = f"(ceil(ln({{value}}) / ln(2.0::float8) * {BUCKETS_PER_DOUBLING}) - 1)::smallint"


def bucket(value: float) -> int:
    """The bucket of a positive value."""
    return math.ceil(math.log(value) / math.log(2.0) * BUCKETS_PER_DOUBLING) - 1


@dataclass(frozen=True)
class Histogram:
    """Counts by bucket, with the exact extremes to clamp to."""

    counts: Mapping[int, int] | Dense
    zero: int
    smallest: float
    largest: float

    @property
    def total(self) -> int:
        """How many values it holds."""
        below = self._ranks[1]
        return below[-1] if below else self.zero

    @cached_property
    def _ranks(self) -> tuple[Sequence[int], list[int]]:
        """Buckets in order, and how many values lie up to the end of each."""
        if isinstance(self.counts, Dense):
            low, counts = self.counts
            buckets: Sequence[int] = range(low, low + len(counts))
        else:
            buckets = sorted(self.counts)
            counts = [self.counts[idx] for idx in buckets]
        return buckets, list(accumulate(counts, initial=self.zero))[1:]

    def quantile(self, share: float) -> float | None:
        """The value below which ``share`` (0–1) of the values lie; None without values.

        Nearest rank, estimated by the bucket's middle (relative error at most
        MAX_RELATIVE_ERROR), clamped to the exact minimum and maximum.
        """
        total = self.total
        if not total:
            return None
        rank = max(1, math.ceil(share * total))
        if rank <= self.zero:
            return min(0.0, self.largest)
        buckets, below = self._ranks
        return min(max(middle(buckets[bisect_left(below, rank)]), self.smallest), self.largest)


def read(
    counts: Mapping[int, int] | Dense, zero: int, low: float | None, high: float | None
) -> dict[str, float | None]:
    """QUANTILES of stored counts. Those that came without extremes are not clamped to any."""
    bounds = (-math.inf if low is None else low, math.inf if high is None else high)
    histogram = Histogram(counts, zero, *bounds)
    return {name: histogram.quantile(share) for name, share in QUANTILES.items()}


Stored = tuple[int, int, Sequence[int], Sequence[int], float | None, float | None]


def merge(parts: Iterable[Stored]) -> Histogram:
    """One histogram from stored ones: (scale, zero, idx, cnt, minimum, maximum) each.

    Parts of a finer scale are merged exactly into the coarsest by ``idx >> n``.
    """
    stored = list(parts)
    scale = min((part[0] for part in stored), default=SCALE)
    if scale != SCALE:
        raise ValueError(f"Histograms of scale {scale} were never stored by this version.")
    counts: dict[int, int] = {}
    for part_scale, _zero, idx, cnt, _low, _high in stored:
        for index, count in zip(idx, cnt, strict=True):
            merged = index >> (part_scale - scale)
            counts[merged] = counts.get(merged, 0) + count
    lows = [part[4] for part in stored if part[4] is not None]
    highs = [part[5] for part in stored if part[5] is not None]
    zero = sum(part[1] for part in stored)
    return Histogram(counts, zero, min(lows, default=0.0), max(highs, default=0.0))


def middle(idx: int) -> float:
    """The value that all of a bucket are taken for."""
    lower = math.pow(2.0, idx / BUCKETS_PER_DOUBLING)
    # The point with the same relative distance to both bounds.
    return 2 * lower * BASE / (1 + BASE)
