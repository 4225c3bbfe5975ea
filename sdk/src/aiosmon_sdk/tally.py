"""Counting and naming rows cheaply."""

from __future__ import annotations

import os
import threading
import time
from itertools import count


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


class EventIds:
    """UUIDs of version 7: in the order of time, which an index on them likes. One batch's worth."""

    def __init__(self, number: int) -> None:
        stamp = f"{time.time_ns() // 1_000_000:012x}"
        self._prefix = f"{stamp[:8]}-{stamp[8:]}-7"
        self._random = os.urandom(9 * number).hex()
        self._at = 0

    def next(self) -> str:
        """The next of at most ``number`` ids."""
        at, self._at = self._at, self._at + 18
        noise = self._random[at : at + 18]
        return f"{self._prefix}{noise[:3]}-a{noise[3:6]}-{noise[6:]}"
