"""Votes find the request they rate, and become metric rows: once, whoever joins them.

A vote is joined by the transaction that stores it, or waits. ``join_waiting``
looks for the requests of those that wait, less often the longer they do, until
their request could no longer be kept.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection, transaction

from metrics.ingest.binary import encode
from metrics.ingest.schema import Row
from metrics.ingest.store import Batch, commit
from metrics.units import Unit

METRIC = "user_feedback_rating"
BATCH, MOST_BATCHES = 500, 20
# A vote that waits is looked for after a tenth of its age, within these bounds.
SOONEST, LATEST = timedelta(seconds=5), timedelta(minutes=5)
_NAMESPACE = uuid.UUID("f0a1c7b2-3a65-4d0b-8a5e-2b7d1c9e4f33")

# OFFSET 0 keeps the planner from walking all rows by time towards the newest match.
_RATED = """
SELECT m."timestamp", m.id, m.client_id, m.component, m.service_name, m.endpoint_path,
    m.query_complexity, m.ml_models_used, m.synthetic, {rank} AS rank
FROM ai_performance_metrics m
WHERE {key} = f.request_id AND (f.client_id IS NULL OR m.client_id = f.client_id)
    AND m.metric_category <> 'user_feedback'
    AND NOT starts_with(m.metric_name, 'gen_ai.evaluation.')
OFFSET 0
"""
_FIND = f"""
SELECT f.id, f.request_id, f.rating, f.scale, f.user_id, f.submitted_at, r.client_id,
    r."timestamp", r.component, r.service_name, r.endpoint_path, r.query_complexity,
    r.ml_models_used, r.synthetic
FROM feedback f CROSS JOIN LATERAL (
    SELECT * FROM (
        ({_RATED.format(rank=1, key="m.request_id")})
        UNION ALL
        ({_RATED.format(rank=2, key="m.metadata ->> 'response_id'")})
    ) found
    ORDER BY rank, "timestamp" DESC, id DESC LIMIT 1
) r
WHERE f.id = ANY(%s) AND f.joined_at IS NULL AND f.submitted_at > %s
    AND NOT EXISTS (
        SELECT FROM feedback other
        WHERE f.client_id IS NULL AND other.client_id = r.client_id
            AND other.event_id = f.event_id)
"""  # noqa: S608  # built from the constants above alone
_JOIN = """
UPDATE feedback f SET joined_at = %s, next_look_at = NULL, client_id = k.client_id,
    rated_at = k.rated_at, component = k.component, service_name = k.service_name,
    endpoint_path = k.endpoint_path, query_complexity = k.query_complexity, model = k.model
FROM unnest(%s::uuid[], %s::int[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[]) AS k (id, client_id, rated_at, component, service_name,
    endpoint_path, query_complexity, model)
WHERE f.id = k.id AND f.joined_at IS NULL
RETURNING f.id
"""
_CLAIM = """
SELECT id FROM feedback WHERE next_look_at <= %s
ORDER BY next_look_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_LATER = """
UPDATE feedback SET next_look_at = CASE WHEN submitted_at > %(oldest)s THEN
    %(now)s + least(%(latest)s, greatest(%(soonest)s, (%(now)s - received_at) / 10)) END
WHERE id = ANY(%(ids)s) AND joined_at IS NULL
"""


@dataclass(frozen=True)
class _Match:
    """A vote and the request it rates."""

    id: uuid.UUID
    request_id: str
    rating: float
    scale: str
    user_id: int | None
    submitted_at: datetime
    client_id: int
    rated_at: datetime
    component: str
    service_name: str
    endpoint_path: str | None
    query_complexity: Any
    models_json: str | None  # Django leaves JSON of raw queries as text
    synthetic: bool

    @property
    def models(self) -> list[str] | None:
        """The models that took part in the rated request."""
        return msgspec.json.decode(self.models_json) if self.models_json else None

    @property
    def facts(self) -> tuple[Any, ...]:
        """What the vote takes over, in the order of _JOIN."""
        return (
            *(self.id, self.client_id, self.rated_at, self.component, self.service_name),
            *(self.endpoint_path or "", self.query_complexity or ""),
            (self.models or [""])[0],
        )


def join(ids: Sequence[uuid.UUID], now: datetime) -> int:
    """Join those of the votes whose request is known; return how many.

    Within a transaction: the vote's facts and its metric row are there together or not at all.
    """
    matches = _find(ids, now)
    if not matches:
        return 0
    won = _update(matches, now)
    batch = Batch()
    for match in matches:
        if match.id in won:
            row = _row(match)
            batch.add(row, encode(row, match.synthetic))
    commit(batch)
    return len(won)


def join_waiting(now: datetime, batch: int = BATCH, most: int = MOST_BATCHES) -> int:
    """Look for the requests of waiting votes that are due; return how many joined.

    At most ``most`` batches, each a transaction. Votes that another joiner holds are left to it.
    """
    done = 0
    for _ in range(most):
        looked, joined = _look(now, batch)
        done += joined
        if looked < batch:
            break
    return done


def event_id(feedback_id: uuid.UUID, metric_name: str) -> uuid.UUID:
    """What names a vote's row of a metric, so that it is stored once."""
    return uuid.uuid5(_NAMESPACE, f"{feedback_id}/{metric_name}")


def _look(now: datetime, batch: int) -> tuple[int, int]:
    """One batch: how many were looked for, how many joined."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, [now, batch])
        ids = [pk for (pk,) in cursor.fetchall()]
        joined = join(ids, now)
        values: dict[str, Any] = {"now": now, "oldest": _oldest(now), "ids": ids}
        cursor.execute(_LATER, values | {"soonest": SOONEST, "latest": LATEST})
    return len(ids), joined


def _oldest(now: datetime) -> datetime:
    """A vote from before has no partition that its row could be kept in."""
    return now - timedelta(days=settings.ROW_RETENTION_DAYS)


def _find(ids: Sequence[uuid.UUID], now: datetime) -> list[_Match]:
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [list(ids), _oldest(now)])
        return [_Match(*row) for row in cursor.fetchall()]


def _update(matches: Sequence[_Match], now: datetime) -> set[uuid.UUID]:
    columns = [list(column) for column in zip(*(one.facts for one in matches), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_JOIN, [now, *columns])
        return {pk for (pk,) in cursor.fetchall()}


def _row(match: _Match) -> Row:
    return Row(
        metric_name=METRIC,
        metric_category="user_feedback",
        metric_value=match.rating,
        measurement_unit=Unit.SCORE.value,
        component=match.component,
        service_name=match.service_name,
        endpoint_path=match.endpoint_path,
        user_id=match.user_id,
        client_id=match.client_id,
        request_id=match.request_id,
        query_complexity=match.query_complexity,
        ml_models_used=match.models,
        user_satisfaction_score=match.rating,
        timestamp=match.submitted_at,
        metadata={"feedback_id": str(match.id), "scale": match.scale},
        event_id=event_id(match.id, METRIC),
    )
