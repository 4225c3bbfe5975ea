"""How many rows a key may send: a token bucket a key. PURE: the clock is the caller's.

A bucket holds a minute's worth. A request is let in while its bucket is not
empty and charged once its rows are known, so one request may overdraw it: by
no more than a request's rows.
"""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

# Keys that were used lately. One that is pushed out starts with a full bucket again.
MOST = 10_000


@dataclass
class _Bucket:
    tokens: float
    at: float


class Rates:
    """The buckets of this process. Safe across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: OrderedDict[int, _Bucket] = OrderedDict()

    def wait(self, key_id: int, per_minute: int, now: float) -> int:
        """Whole seconds until the key may send again; 0: now.

        ``per_minute`` of 0 means no limit; ``now`` is in seconds, of any clock that
        never goes back.
        """
        if not per_minute:
            return 0
        with self._lock:
            tokens = self._bucket(key_id, per_minute, now).tokens
        return 0 if tokens > 0 else math.floor(-tokens * 60 / per_minute) + 1

    def charge(self, key_id: int, per_minute: int, rows: int, now: float) -> None:
        """Take what a request held: at least one, or empty requests would be free."""
        if per_minute:
            with self._lock:
                self._bucket(key_id, per_minute, now).tokens -= max(rows, 1)

    def _bucket(self, key_id: int, per_minute: int, now: float) -> _Bucket:
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = self._buckets[key_id] = _Bucket(per_minute, now)
            if len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key_id)
        refill = max(0.0, now - bucket.at) * per_minute / 60
        bucket.tokens, bucket.at = min(float(per_minute), bucket.tokens + refill), now
        return bucket
