"""PURE: histograms of hours and days as they are stored, and how many are merged at once.

The counts of all buckets from the lowest to the highest that is used, as byte planes: their
number, the lowest byte of every count, the next one of every count, up to the highest that any
needs. Most hours take one plane, and spreading planes out costs a fifth of decompressing them.
Where buckets lie far apart the counts are stored whole (8 bytes each, little-endian),
compressed by zlib, whose first byte is never a number of planes.

Counts of equal width in their order are one very large integer, and adding up such integers
adds up all buckets at once. The width is chosen so that no bucket's sum carries into the next.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

WIDTH = 8
# Widths that numbers can be read with, and their struct codes.
_CODES = {2: "H", 4: "I", WIDTH: "Q"}
# The fastest: the zeros between buckets shrink in any case.
_LEVEL = 1
# Planes are compressed only where that makes them so many times shorter.
_WORTH = 4


class Packed(NamedTuple):
    """Stored counts. ``low`` is the first bucket's number; no bytes where there are no counts."""

    low: int
    counts: bytes


class Dense(NamedTuple):
    """The counts of the buckets from ``low`` on; those of the first and the last are not 0."""

    low: int
    counts: Sequence[int]


NOTHING = Packed(0, b"")


def pack(counts: Dense) -> Packed:
    """Store counts."""
    if not counts.counts:
        return NOTHING
    lanes = struct.pack(f"<{len(counts.counts)}Q", *counts.counts)
    planes = -(-max(counts.counts).bit_length() // 8)
    spread = bytes([planes]) + b"".join(lanes[plane::WIDTH] for plane in range(planes))
    compressed = zlib.compress(lanes, _LEVEL)
    return Packed(counts.low, spread if len(spread) < _WORTH * len(compressed) else compressed)


def dense(counts: Mapping[int, int]) -> Dense:
    """Counts by bucket, in the other form."""
    used = [idx for idx, count in counts.items() if count]
    if not used:
        return Dense(0, ())
    low = min(used)
    filled = [0] * (max(used) - low + 1)
    for idx in used:
        filled[idx - low] = counts[idx]
    return Dense(low, filled)


def merge(parts: Iterable[Packed], more: Mapping[int, int] | None = None) -> Dense:
    """The counts of all parts, and those by bucket, together; each sum is below 2**64."""
    given = [*parts, pack(dense(more))] if more else parts
    several = [part for part in given if part.counts]
    if not several:
        return Dense(0, ())
    low, width = min(part.low for part in several), _width(several)
    total = 0
    for part in several:
        lanes = int.from_bytes(_lanes(part.counts, width), "little")
        total += lanes << (8 * width * (part.low - low))
    length = -(-total.bit_length() // (8 * width))
    whole = total.to_bytes(length * width, "little")
    return Dense(low, struct.unpack(f"<{length}{_CODES[width]}", whole))


def _width(parts: Sequence[Packed]) -> int:
    """Bytes that hold any sum of so many counts, each of as many bytes as their planes."""
    planes = max(part.counts[0] for part in parts)
    needed = planes + (len(parts).bit_length() + 7) // 8
    return next((width for width in _CODES if width >= needed), WIDTH)


def _lanes(stored: bytes, width: int) -> bytes | bytearray:
    """The counts whole, so many bytes each."""
    planes = stored[0]
    if planes > WIDTH:
        return zlib.decompress(stored)
    length = (len(stored) - 1) // planes
    lanes = bytearray(length * width)
    for plane in range(planes):
        lanes[plane::width] = stored[1 + plane * length : 1 + (plane + 1) * length]
    return lanes
