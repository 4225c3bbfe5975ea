"""Recorded rows straight into the database by COPY: for benches and tests, not over the API."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from metrics.ingest import schema, store
from metrics.replay.trace import Row

BATCH = 20_000


def load(rows: Iterable[tuple[datetime, Row]], client_id: int) -> int:
    """Store rows at their times for the client, a transaction for each BATCH; return how many.

    Their minutes are marked for the roll-up. Raises schema.Refused for a row
    that PostgreSQL can't hold.
    """
    left, done = iter(rows), 0
    while batch := list(islice(left, BATCH)):
        made = [schema.Row(**row, client_id=client_id, timestamp=at) for at, row in batch]
        done += store.store(made)
    return done
