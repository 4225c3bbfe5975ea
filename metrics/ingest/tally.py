"""How much came in and what was refused, counted in memory and flushed every few seconds.

Best effort by design: rows and their answers never wait for these figures, and a
process that is killed takes up to FLUSH_SECONDS of them with it.
"""

import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.utils import timezone

from metrics.models import IntakeMinute, IntakeRejection

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 2.0
# What one flush may hold of each; past it, counts go to the reason OTHER.
MOST = 2_000
OTHER = "other"
MAX_REASON, MAX_EXAMPLE = 60, 500

Origin = tuple[int | None, str]  # key id, face

_MINUTES = """
INSERT INTO intake_minutes
    (minute, api_key_id, face, requests, stored, rejected, lag_max_seconds)
SELECT * FROM unnest(%s::timestamptz[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::float8[])
ON CONFLICT (minute, api_key_id, face) DO UPDATE SET
    requests = intake_minutes.requests + excluded.requests,
    stored = intake_minutes.stored + excluded.stored,
    rejected = intake_minutes.rejected + excluded.rejected,
    lag_max_seconds = greatest(intake_minutes.lag_max_seconds, excluded.lag_max_seconds)
"""
_REJECTIONS = """
INSERT INTO intake_rejections (day, api_key_id, face, reason, count, last_at, example)
SELECT * FROM unnest(%s::date[], %s::bigint[], %s::text[], %s::text[], %s::bigint[],
    %s::timestamptz[], %s::text[])
ON CONFLICT (day, api_key_id, face, reason) DO UPDATE SET
    count = intake_rejections.count + excluded.count,
    last_at = greatest(intake_rejections.last_at, excluded.last_at),
    example = excluded.example
"""
_EMITTERS = """
INSERT INTO emitters (client_id, component, service_name, first_seen_at, last_seen_at, muted)
SELECT client_id, component, service_name, at, at, false
FROM unnest(%s::int[], %s::text[], %s::text[], %s::timestamptz[])
    AS k (client_id, component, service_name, at)
ON CONFLICT (client_id, component, service_name) DO UPDATE SET
    last_seen_at = greatest(emitters.last_seen_at, excluded.last_seen_at)
"""


@dataclass
class _Amount:
    requests: int = 0
    stored: int = 0
    rejected: int = 0
    lag: float | None = None

    def add(self, other: "_Amount") -> None:
        self.requests += other.requests
        self.stored += other.stored
        self.rejected += other.rejected
        lags = [lag for lag in (self.lag, other.lag) if lag is not None]
        self.lag = max(lags, default=None)


@dataclass
class _Refusals:
    count: int
    last_at: datetime
    example: str


@dataclass
class _Counts:
    """What was counted since the last flush."""

    minutes: dict[tuple[datetime, Origin], _Amount] = field(default_factory=dict)
    refusals: dict[tuple[date, Origin, str], _Refusals] = field(default_factory=dict)
    emitters: dict[tuple[int, str, str], datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.minutes or self.refusals or self.emitters)

    def amount(self, key: tuple[datetime, Origin], amount: _Amount) -> None:
        if key in self.minutes:
            self.minutes[key].add(amount)
        elif len(self.minutes) < MOST:
            self.minutes[key] = amount

    def refusal(self, key: tuple[date, Origin, str], new: _Refusals) -> None:
        if key not in self.refusals and len(self.refusals) >= MOST:
            key = (key[0], (None, OTHER), OTHER)
        known = self.refusals.get(key)
        self.refusals[key] = (
            _Refusals(known.count + new.count, new.last_at, new.example) if (known) else new
        )

    def emitter(self, key: tuple[int, str, str], at: datetime) -> None:
        if key in self.emitters or len(self.emitters) < MOST:
            self.emitters[key] = max(at, self.emitters.get(key, at))


class Tally:
    """The counts of this process and the thread that flushes them. Safe across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._counts = _Counts()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def counted(
        self,
        face: str,
        key_id: int | None,
        *,
        stored: int = 0,
        rejected: int = 0,
        requests: int = 1,
        newest: datetime | None = None,
    ) -> None:
        """Count an answered request; ``newest`` is the time of its newest stored row."""
        now = timezone.now()
        lag = None if newest is None else max(0.0, (now - newest).total_seconds())
        minute = now.replace(second=0, microsecond=0)
        with self._lock:
            self._counts.amount((minute, (key_id, face)), _Amount(requests, stored, rejected, lag))

    def refused(
        self, face: str, key_id: int | None, reason: str, example: str, count: int = 1
    ) -> None:
        """Count what was refused or left out, by reason."""
        now = timezone.now()
        key = (now.date(), (key_id, face), _clean(reason, MAX_REASON))
        with self._lock:
            self._counts.refusal(key, _Refusals(count, now, _clean(example, MAX_EXAMPLE)))

    def seen(self, emitters: Iterable[tuple[int, str, str]], at: datetime) -> None:
        """Services (client id, component, service name) that reported at ``at``."""
        with self._lock:
            for emitter in emitters:
                self._counts.emitter(emitter, at)

    def flush(self) -> None:
        """Write what was counted; what can't be written now is kept for the next time."""
        with self._flushing:
            with self._lock:
                counts, self._counts = self._counts, _Counts()
            if not counts:
                return
            try:
                _write(counts)
            except (IntegrityError, DataError):
                # Of a key that is gone meanwhile, say: keeping it would fail for ever.
                logger.exception("figures of ingestion were dropped")
            except (OperationalError, InterfaceError):
                logger.warning("the figures of ingestion could not be written; kept for later")
                self._take_back(counts)

    def close(self) -> None:
        """Stop the thread and write what is left."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(FLUSH_SECONDS)
            self._thread = None
        self.flush()

    def _take_back(self, counts: _Counts) -> None:
        with self._lock:
            newer, self._counts = self._counts, counts
            for minute, amount in newer.minutes.items():
                counts.amount(minute, amount)
            for refusal, figures in newer.refusals.items():
                counts.refusal(refusal, figures)
            for emitter, at in newer.emitters.items():
                counts.emitter(emitter, at)

    def start(self) -> None:
        """Flush every FLUSH_SECONDS from now on, until ``close``. A server calls it, once."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._stop.clear()
                self._thread = threading.Thread(target=self._run, name="tally", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.wait(FLUSH_SECONDS):
                connection.close_if_unusable_or_obsolete()
                self.flush()
        finally:
            connection.close()

    def reset(self) -> None:
        """Forget everything, in a child that a fork has made: the parent counts its own."""
        self.__init__()  # type: ignore[misc]


def forget_old(now: datetime) -> int:
    """Delete figures older than rows are kept; return how many. Services stay known."""
    oldest = now - timedelta(days=settings.ROW_RETENTION_DAYS)
    minutes = IntakeMinute.objects.filter(minute__lt=oldest).delete()[0]
    return minutes + IntakeRejection.objects.filter(day__lt=oldest.date()).delete()[0]


def _write(counts: _Counts) -> None:
    """One transaction, keys in one order everywhere, so that two processes can't deadlock."""
    with transaction.atomic(), connection.cursor() as cursor:
        if counts.minutes:
            rows = [
                (minute, key_id, face, one.requests, one.stored, one.rejected, one.lag)
                for (minute, (key_id, face)), one in counts.minutes.items()
            ]
            cursor.execute(_MINUTES, _columns(rows, 3))
        if counts.refusals:
            refused = [
                (day, key_id, face, reason, one.count, one.last_at, one.example)
                for (day, (key_id, face), reason), one in counts.refusals.items()
            ]
            cursor.execute(_REJECTIONS, _columns(refused, 4))
        if counts.emitters:
            seen = [(*emitter, at) for emitter, at in counts.emitters.items()]
            cursor.execute(_EMITTERS, _columns(seen, 3))


def _columns(rows: Iterable[tuple[object, ...]], key_width: int) -> list[list[object]]:
    ordered = sorted(rows, key=lambda row: [str(value) for value in row[:key_width]])
    return [list(column) for column in zip(*ordered, strict=True)]


def _clean(text: str, most: int) -> str:
    """What PostgreSQL's text can hold of it."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()[:most]


tally = Tally()
counted, refused, seen = tally.counted, tally.refused, tally.seen
start, flush, close = tally.start, tally.flush, tally.close
os.register_at_fork(after_in_child=tally.reset)
