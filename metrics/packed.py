"""PURE: histograms of hours and days as they are stored, and how many are merged at once.

The counts of all buckets from the lowest to the highest that is used, 8 bytes each
(little-endian), compressed by zlib. Bytes in that order are one very large integer, and
adding up such integers adds up all buckets at once: counts are below 2**63, so no bucket
carries into the next.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping
from itertools import compress
from typing import NamedTuple

WIDTH = 8
_BITS = 8 * WIDTH
# One pass: the zeros between buckets shrink in any case.
_LEVEL = 1


class Packed(NamedTuple):
    """Counts by bucket: ``low`` is the first bucket's number; no bytes without any counts."""

    low: int
    counts: bytes


NOTHING = Packed(0, b"")


def pack(counts: Mapping[int, int]) -> Packed:
    """Store counts by bucket."""
    used = [idx for idx, count in counts.items() if count]
    if not used:
        return NOTHING
    low, high = min(used), max(used)
    lanes = bytearray((high - low + 1) * WIDTH)
    for idx in used:
        place = (idx - low) * WIDTH
        lanes[place : place + WIDTH] = counts[idx].to_bytes(WIDTH, "little")
    return Packed(low, zlib.compress(lanes, _LEVEL))


def merge(parts: Iterable[Packed]) -> dict[int, int]:
    """The counts of all parts by bucket, in order, without empty ones."""
    several = [(part.low, zlib.decompress(part.counts)) for part in parts if part.counts]
    if not several:
        return {}
    low = min(first for first, _ in several)
    total = 0
    for first, lanes in several:
        total += int.from_bytes(lanes, "little") << (_BITS * (first - low))
    size = -(-total.bit_length() // _BITS)
    counts = struct.unpack(f"<{size}Q", total.to_bytes(size * WIDTH, "little"))
    return dict(zip(compress(range(low, low + size), counts), filter(None, counts), strict=True))


def added(counts: dict[int, int], parts: Iterable[Packed]) -> dict[int, int]:
    """Counts by bucket with those of all parts."""
    found = merge(parts)
    for idx, count in counts.items():
        found[idx] = found.get(idx, 0) + count
    return found
