"""Counting and naming rows cheaply."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from itertools import count

_BYTES = [f"{number:02x}" for number in range(256)]


class Tally:
    """Counts without a lock: to step an itertools.count is one atomic operation.

    Reading it steps it as well, so the readings are subtracted.
    """

    def __init__(self) -> None:
        self._count = count()
        self._readings = 0
        self._reading = threading.Lock()
        self.one_more = self._count.__next__

    @property
    def value(self) -> int:
        """The number so far."""
        with self._reading:
            number = next(self._count) - self._readings
            self._readings += 1
            return number


def event_ids() -> Iterator[str]:
    """UUIDs of version 7 for one batch: the time, a random number, and a count onwards from it.

    In the order of time, which an index on them likes, and alike, which compresses well. Two
    batches of one millisecond share an id only if 63 random bits are all but the same.
    """
    stamp, noise = f"{time.time_ns() // 1_000_000:012x}", os.urandom(8).hex()
    # The variant's two bits are 10. The start leaves the count a bit of room.
    prefix = f"{stamp[:8]}-{stamp[8:]}-7{noise[:3]}-a{noise[3:6]}-"
    for high in count(int(noise[6:], 16) >> 1):
        begin = f"{prefix}{high:010x}"
        for low in _BYTES:
            yield begin + low
