"""The way out: a bounded queue, and one thread a process that empties it into the portal.

The service's threads only append to a deque: no lock, no encoding, no I/O. When
the queue is full its oldest row goes, since what matters when the portal is
back is how the service does now.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from itertools import repeat
from typing import Callable

from aiosmon_sdk.call import Call
from aiosmon_sdk.delivery import Batch, Courier, Outcome, Told
from aiosmon_sdk.options import ROWS, VOTES, Kind, Options
from aiosmon_sdk.ordinary import Brief
from aiosmon_sdk.processes import EXPORTERS, flush_when_a_worker_process_ends
from aiosmon_sdk.rows import Encoder, Unfit
from aiosmon_sdk.tally import Tally, event_ids
from aiosmon_sdk.votes import VoteEncoder

DROPS_METRIC = "sdk_rows_dropped"
# The thread encodes this many rows, then lets the service's threads run: a slice is well
# under a millisecond of the interpreter.
SLICE_ROWS = 100
SLICE_PAUSE_SECONDS = 0.0005
# While someone waits for a flush, a dead portal is tried more often than the backoff says.
HURRIED_PAUSE_SECONDS = 0.2
# Why rows are dropped, beside the full queue: unusable, too old, left over at the end.
_LOST = ("invalid", "expired", "abandoned")
# Well below the 8 MiB that the portal takes.
MOST_BATCH_CHARS = 2 * 1024 * 1024


class Exporter:
    """Queue, thread and counts of one client's rows, or votes, in one process."""

    def __init__(
        self,
        options: Options,
        kind: Kind = ROWS,
        report: Callable[[int, dict[str, int]], None] | None = None,
    ) -> None:
        """``report(news, since_start)`` tells of drops; default: a row of the exporter's own."""
        self.options = options
        self.kind = kind
        self._report = report
        self.reset()
        EXPORTERS.add(self)

    def reset(self) -> None:
        """Begin with nothing: at first, and in a forked child, whose parent sends what it had."""
        self._queue: deque[Call | Brief] = deque(maxlen=self.options.max_queued)
        self._added = Tally()
        self._append, self._one_more = self._queue.append, self._added.one_more
        self._taken = 0
        self._counts: Counter[str] = Counter()
        self._reported = 0
        self._flush_until = 0.0
        self._listening = False
        self._closed = False
        # A lock as a bell: to ring is one atomic release, safe in signal handlers and finalizers.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._lock = threading.Condition()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._told = Told()
        self._encoder = (VoteEncoder if self.kind is VOTES else Encoder)(self.options)
        self._shortened = self._encoder.shortened
        self._courier = Courier(self.options, self.kind, self._told, self._wait, self._is_hopeless)

    def add(self, call: Call) -> None:
        """Queue a finished call. Called by the service's threads and event loops."""
        self._append(self._shortened(call))
        self._one_more()
        if self._thread is None:
            self._start()
        elif self._listening and len(self._queue) >= self.options.batch_rows:
            self._listening = False
            self._ring()

    def flush(self, timeout: float) -> bool:
        """Send what was added until now; True when nothing of it waits any more.

        Blocks for at most ``timeout`` seconds: not for an event loop's thread.
        """
        goal = self._added.value
        deadline = time.perf_counter() + timeout
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                return self._done >= goal
            self.hurry(deadline)
            self._lock.wait_for(lambda: self._done >= goal, timeout)
            return self._done >= goal

    def hurry(self, deadline: float) -> None:
        """Until then (perf_counter's clock) wait for no full batch, nor long between attempts."""
        self._flush_until = max(self._flush_until, deadline)
        self._ring()

    def close(self, timeout: float) -> None:
        """Flush, then end: what is left is counted as dropped, and said."""
        if self._closed:
            return
        self.flush(timeout)
        with self._lock:
            self._closed = True
            lost = self._added.value - self._done
            self._queue = deque(maxlen=0)
            self._append = self._queue.append
            self._counts["abandoned"] += self._added.value - self._done
        self._ring()
        if lost > 0:
            self._told.once(
                logging.WARNING, "closed", f"{lost} {self.kind.noun} could not be delivered"
            )

    def stats(self) -> dict[str, int]:
        """Rows sent, dropped, rejected, queued; batches retried; fields clipped."""
        with self._lock:
            added = self._added.value
            return {
                "sent": self._counts["sent"],
                "rejected": self._counts["rejected"],
                "dropped": self._dropped,
                "queued": max(0, added - self._done),
                "retried": self._courier.retried,
                "clipped": self._encoder.clipped,
            }

    @property
    def _overflowed(self) -> int:
        # Read in this order the figure may be too low for a moment, never too high.
        added = self._added.value
        return max(0, added - len(self._queue) - self._taken)

    @property
    def _dropped(self) -> int:
        return self._overflowed + sum(self._counts[name] for name in _LOST)

    @property
    def _done(self) -> int:
        return self._counts["sent"] + self._counts["rejected"] + self._dropped

    def _ring(self) -> None:
        # Already rung: releasing an open lock raises.
        with contextlib.suppress(RuntimeError):
            self._bell.release()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None:
                return
            # Set first: where no thread can be had, no request should try again.
            self._thread = threading.Thread(target=self._run, name="aiosmon-sdk", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:
                # No threads here (a subinterpreter) or no more (the interpreter ends).
                self._told.once(
                    logging.WARNING, "thread", f"no thread to send {self.kind.noun}: {error}"
                )
                return
        flush_when_a_worker_process_ends()

    def _run(self) -> None:
        courier = self._courier
        while not self._closed:
            self._round()
        courier.close()

    def _round(self) -> None:
        try:
            self._gather()
            batch = self._take()
            if batch.rows:
                self._settle(self._courier.deliver(batch))
        except Exception as error:  # noqa: BLE001  # the thread must outlive any fault of ours
            text = f"{self.kind.noun} were lost by a fault of the SDK: {error!r}"
            self._told.once(logging.ERROR, "fault", text)
            self._give_up_what_was_taken()
            # One that comes again at once must not cost the service its processor.
            self._wait(self.options.batch_seconds, False)

    def _gather(self) -> None:
        """Wait until a batch is full, or for as long as its first row may wait."""
        self._listening = True
        queued = len(self._queue)
        if queued < self.options.batch_rows and not (queued and self._is_hurried):
            self._bell.acquire(timeout=self.options.batch_seconds)
        self._listening = False

    def _take(self) -> Batch:
        """Encode what is queued, in slices, up to a batch."""
        batch, size, most = Batch(), 0, self.options.batch_rows
        ids: Iterator[str | None] = event_ids() if self.options.event_ids else repeat(None)
        expiry = time.perf_counter() - self.options.give_up_seconds
        while self._queue and len(batch.rows) < most and size <= MOST_BATCH_CHARS:
            if batch.rows and not self._is_hurried:
                time.sleep(SLICE_PAUSE_SECONDS)
            rows = self._encoded(self._slice(most - len(batch.rows)), batch, ids, expiry)
            batch.rows += rows
            size += sum(map(len, rows))
        self._report_drops(batch, ids)
        return batch

    def _slice(self, most: int) -> list[Call | Brief]:
        with self._lock:
            queue = self._queue
            number = min(SLICE_ROWS, most, len(queue))
            # Counted before they leave the queue: see _overflowed.
            self._taken += number
            return [queue.popleft() for _ in range(number)]

    def _encoded(
        self, calls: list[Call | Brief], batch: Batch, ids: Iterator[str | None], expiry: float
    ) -> list[str]:
        rows: list[str] = []
        encode = self._encoder.encode
        for call in calls:
            ended = call[0] if isinstance(call, tuple) else call.ended
            if ended < expiry:
                self._count("expired")
                continue
            try:
                rows.append(encode(call, next(ids)))
            except Unfit as unfit:
                self._unfit(str(unfit))
            except Exception as error:  # noqa: BLE001  # whatever the service put there
                self._unfit(repr(error))
            else:
                if not batch.oldest or ended < batch.oldest:
                    batch.oldest = ended
        return rows

    def _unfit(self, reason: str) -> None:
        self._count("invalid")
        self._told.once(
            logging.WARNING,
            f"unfit {reason[:40]}",
            f"one of the {self.kind.noun} was dropped: {reason}",
        )

    def _report_drops(self, batch: Batch, ids: Iterator[str | None]) -> None:
        """Say how many were dropped since it was last said: rows by a row among them."""
        news = self._dropped - self._reported
        if news <= 0:
            return
        reasons = {"queue_full": self._overflowed, **{name: self._counts[name] for name in _LOST}}
        reasons = {name: number for name, number in reasons.items() if number}
        if self._report is not None:
            self._reported += news
            self._report(news, reasons)
            return
        call = Call(DROPS_METRIC, "system_health", None)
        call.value, call.unit, call.ended = news, "count", time.perf_counter()
        call.metadata = {"since_start": reasons}
        batch.oldest = batch.oldest or call.ended
        batch.rows.append(self._encoder.encode(call, next(ids)))
        batch.reported = news

    def _settle(self, outcome: Outcome) -> None:
        with self._lock:
            if self._closed:
                return
            self._counts["sent"] += outcome.sent
            self._counts["rejected"] += outcome.rejected
            self._counts["expired"] += outcome.expired
            self._reported += outcome.reported
            self._lock.notify_all()

    def _count(self, reason: str) -> None:
        with self._lock:
            if not self._closed:
                self._counts[reason] += 1
                self._lock.notify_all()

    def _give_up_what_was_taken(self) -> None:
        with self._lock:
            settled = sum(self._counts[name] for name in ("sent", "rejected", "invalid", "expired"))
            self._counts["expired"] += max(0, self._taken - settled)
            self._lock.notify_all()

    @property
    def _is_hurried(self) -> bool:
        return self._closed or time.perf_counter() < self._flush_until

    def _wait(self, seconds: float, asked: bool) -> None:
        """The pause between attempts; a flush shortens it unless the portal asked for it."""
        began = time.perf_counter()
        while not self._closed:
            limit = (
                min(seconds, HURRIED_PAUSE_SECONDS) if self._is_hurried and not asked else seconds
            )
            left = began + limit - time.perf_counter()
            if left <= 0:
                return
            self._bell.acquire(timeout=left)

    def _is_hopeless(self, batch: Batch) -> bool:
        age = time.perf_counter() - batch.oldest
        return self._closed or age > self.options.give_up_seconds
