"""Rows into the database: one COPY and its pending minutes, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from metrics import nudge
from metrics.ingest import binary
from metrics.ingest.schema import Row

Identity = tuple[int, datetime, UUID, str]

_NAMES = ", ".join(f'"{name}"' for name in binary.COLUMNS)
_COPY = f"COPY ai_performance_metrics ({_NAMES}) FROM STDIN (FORMAT BINARY)"
_MARK = """
INSERT INTO pending_minutes (client_id, metric_name, minute)
SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[])
"""
_PRESENT = """
SELECT m.client_id, m."timestamp", m.event_id, m.metric_name
FROM unnest(%s::int[], %s::timestamptz[], %s::uuid[], %s::text[])
    AS k (client_id, "timestamp", event_id, metric_name)
JOIN ai_performance_metrics m USING (client_id, "timestamp", event_id, metric_name)
WHERE m."timestamp" >= %s AND m."timestamp" <= %s
"""
_EPOCH, _MINUTE = datetime(1970, 1, 1, tzinfo=UTC), timedelta(minutes=1)
# Another request with the same rows can commit between our look and our COPY, but not for ever.
TRIES = 5


@dataclass
class Batch:
    """Encoded rows with the minutes they touch, ready for one COPY."""

    tuples: list[bytes] = field(default_factory=list)
    # One a tuple: None for rows that carry no event_id.
    identities: list[Identity | None] = field(default_factory=list)
    # What they touch: client, metric, component, service, minutes since the epoch.
    touched: set[tuple[int, str, str, str, int]] = field(default_factory=set)
    newest: datetime | None = None

    def add(self, row: Row, encoded: bytes) -> None:
        """Append a row whose client and time are filled in."""
        if row.client_id is None or row.timestamp is None:
            raise ValueError("A row reaches the store only with its client and time filled in.")
        self.tuples.append(encoded)
        identity = None
        if row.event_id is not None:
            identity = (row.client_id, row.timestamp, row.event_id, row.metric_name)
        self.identities.append(identity)
        minute = (row.timestamp - _EPOCH) // _MINUTE
        touched = (row.client_id, row.metric_name, row.component, row.service_name, minute)
        self.touched.add(touched)
        if self.newest is None or row.timestamp > self.newest:
            self.newest = row.timestamp

    def __len__(self) -> int:
        return len(self.tuples)

    @property
    def marks(self) -> set[tuple[int, str, datetime]]:
        """The minutes whose roll-up is due: client, metric, minute."""
        return {
            (client, metric, _EPOCH + minute * _MINUTE)
            for client, metric, _, _, minute in self.touched
        }

    @property
    def emitters(self) -> set[tuple[int, str, str]]:
        """Who reported: client, component, service."""
        return {(client, component, service) for client, _, component, service, _ in self.touched}

    @classmethod
    def joined(cls, batches: Iterable["Batch"]) -> "Batch":
        """Several requests' rows as one."""
        whole = cls()
        for batch in batches:
            whole.tuples += batch.tuples
            whole.identities += batch.identities
            whole.touched |= batch.touched
        return whole

    def without(self, present: set[Identity]) -> "Batch":
        """Each identified row once, and none of those present already."""
        rest, seen = Batch(touched=self.touched), set(present)
        for encoded, identity in zip(self.tuples, self.identities, strict=True):
            if identity is not None:
                if identity in seen:
                    continue
                seen.add(identity)
            rest.tuples.append(encoded)
            rest.identities.append(identity)
        return rest


def store(rows: Sequence[Row], *, synthetic: bool = False) -> int:
    """Encode and commit rows whose client and time are filled in; returns how many.

    Raises schema.Refused for a row that PostgreSQL can't hold, and what ``commit`` raises.
    """
    batch = Batch()
    for row in rows:
        batch.add(row, binary.encode(row, synthetic))
    commit(batch)
    return len(batch)


def commit(batch: Batch) -> None:
    """Commit a batch; when this returns its rows are durable, each identified one exactly once.

    A row with the client, time, event_id and metric of one that is stored is a repeat
    and changes nothing. Repeats are rare, so the COPY is simply tried; only
    when it meets one are they looked for. Raises django.db.OperationalError
    when the database can't commit: then nothing of the batch is stored.
    """
    for last in [False] * (TRIES - 1) + [True]:
        try:
            _copy(batch)
        except IntegrityError:
            if last or not any(batch.identities):
                raise
            batch = batch.without(_present(batch))
        else:
            return


def _copy(batch: Batch) -> None:
    if not batch.tuples:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        # COPY's errors come at its end, past the call that Django watches.
        with connection.wrap_database_errors, cursor.copy(_COPY) as copy:
            copy.write(b"".join((binary.HEADER, *batch.tuples, binary.TRAILER)))
        cursor.execute(_MARK, [list(column) for column in zip(*sorted(batch.marks), strict=True)])
        nudge.after_commit()


def _present(batch: Batch) -> set[Identity]:
    """Which of the batch's identified rows are stored."""
    asked = [identity for identity in batch.identities if identity is not None]
    columns = [list(column) for column in zip(*asked, strict=True)]
    times = columns[1]
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT, [*columns, min(times), max(times)])
        return set(cursor.fetchall())
