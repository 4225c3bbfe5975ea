"""PURE: what several roll-ups of a series come to, together."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from metrics import histogram, packed
from metrics.packed import Packed


class Summed:
    """Counts, sums, extremes and the merged histogram of what was added."""

    def __init__(self) -> None:
        self.total = self.succeeded = self.votes = self.zero = 0
        self.approximate = False
        self._value_sums: list[float] = []
        self._votes_sums: list[float] = []
        self._low: float | None = None
        self._high: float | None = None
        self._counts: dict[int, int] = defaultdict(int)
        self._packed: list[Packed] = []

    def add_minute(self, *row: Any) -> None:
        """Add a minute's roll-up: the counts as ``add`` has them, buckets and their counts."""
        *counts, idx, cnt = row
        self._count(counts)
        for bucket, count in zip(idx, cnt, strict=True):
            self._counts[bucket] += count

    def add(self, *row: Any) -> None:
        """Add an hour's or day's.

        total, succeeded, value_sum, value_min, value_max, votes, votes_sum, hist_zero,
        approximate, hist_low, hist_counts.
        """
        *counts, low, lanes = row
        self._count(counts)
        self._packed.append(Packed(low, bytes(lanes)))

    def stored(self) -> tuple[Any, ...]:
        """The sum, in the order in which ``add`` takes it, and its QUANTILES."""
        counts = packed.merge(self._packed, self._counts)
        return (
            self.total,
            self.succeeded,
            math.fsum(self._value_sums),
            self._low,
            self._high,
            self.votes,
            math.fsum(self._votes_sums),
            self.zero,
            self.approximate,
            *packed.pack(counts),
            *histogram.read(counts, self.zero, self._low, self._high).values(),
        )

    def _count(self, counts: Sequence[Any]) -> None:
        total, succeeded, summed, low, high, votes, stars, zero, approximate = counts
        self.total += total
        self.succeeded += succeeded
        self.votes += votes
        self.zero += zero
        self.approximate |= approximate
        self._value_sums.append(summed)
        self._votes_sums.append(stars)
        if low is not None:
            self._low = low if self._low is None else min(self._low, low)
        if high is not None:
            self._high = high if self._high is None else max(self._high, high)
