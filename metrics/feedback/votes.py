"""A vote on a request: what it may say, and the one way in for every face.

``receive`` stores votes and joins those whose request is known, in one
transaction. Import both from ``metrics.feedback``.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from metrics.feedback import joining
from metrics.ingest.schema import Refused, check_text
from metrics.models.feedback import MAX_COMMENT, MAX_CORRECTION, Feedback

STARS, THUMBS = Feedback.Scale.STARS.value, Feedback.Scale.THUMBS.value
LOWEST, HIGHEST = 1.0, 5.0
BY_THUMB = {"up": HIGHEST, "down": LOWEST}
MAX_REQUEST_ID = 100
_NAMESPACE = uuid.UUID("5d0a3c5e-6a57-4f0e-9a44-8f3f1f6b9d21")

_INSERT = """
INSERT INTO feedback (id, client_id, request_id, rating, scale, correction, comment, user_id,
    submitted_at, event_id, received_at, next_look_at,
    component, service_name, endpoint_path, query_complexity, model)
SELECT k.*, %s, %s, '', '', '', '', ''
FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::float8[], %s::text[], %s::text[], %s::text[],
    %s::int[], %s::timestamptz[], %s::uuid[]) AS k
ON CONFLICT DO NOTHING RETURNING id
"""
_FIRST = """
SELECT k.id, f.id
FROM unnest(%s::uuid[], %s::int[], %s::uuid[]) AS k (id, client_id, event_id)
CROSS JOIN LATERAL (
    SELECT f.id FROM feedback f WHERE f.id = k.id
    UNION SELECT f.id FROM feedback f WHERE f.client_id = k.client_id AND f.event_id = k.event_id
    LIMIT 1
) f
"""


@dataclass(frozen=True)
class Vote:
    """One person's rating of one request. Refused (of ingest.schema) for what can't be stored.

    ``request_id`` is the rated row's request_id, or the response_id in its
    metadata. Thumbs are given as 5 (up) or 1 (down) with the scale THUMBS.
    """

    client_id: int | None  # None: whoever's request it is (only from keys of every client)
    request_id: str
    rating: float
    submitted_at: datetime
    scale: str = STARS
    correction: str = ""
    comment: str = ""
    user_id: int | None = None  # of an existing user
    event_id: uuid.UUID | None = None  # names the vote: sent again, it changes nothing

    def __post_init__(self) -> None:
        if not LOWEST <= self.rating <= HIGHEST:
            raise Refused("rating", "A rating is from 1 to 5.", "Send 1–5, or thumbs.")
        if self.scale not in {STARS, THUMBS}:
            raise Refused("scale", f"Unknown scale “{self.scale}”.", "Send stars or thumbs.")
        if self.scale == THUMBS and self.rating not in BY_THUMB.values():
            raise Refused("rating", "A thumb is 5 (up) or 1 (down).", "Send stars instead.")
        if not self.request_id:
            raise Refused("request_id", "It is empty.", "Name the rated request.")
        _check_text("request_id", self.request_id, MAX_REQUEST_ID)
        _check_text("correction", self.correction, MAX_CORRECTION)
        _check_text("comment", self.comment, MAX_COMMENT)


@dataclass(frozen=True)
class Receipt:
    """What became of a vote: its id, and whether it was new (else: a repeat, nothing changed)."""

    id: uuid.UUID
    new: bool


def receive(votes: Sequence[Vote], now: datetime) -> list[Receipt]:
    """Store votes and join those whose request is known; a Receipt each, in their order.

    One transaction, or part of the caller's. Raises what the database raises.
    """
    if not votes:
        return []
    ids = [_id(vote) for vote in votes]
    with transaction.atomic():
        new = _insert(dict(zip(ids, votes, strict=True)), now)
        known = _first({pk: vote for pk, vote in zip(ids, votes, strict=True) if pk not in new})
        joining.join(sorted(new), now)
    fresh = set(new)
    return [Receipt(known.get(pk, pk), _taken(pk, fresh)) for pk in ids]


def _id(vote: Vote) -> uuid.UUID:
    """Derived where the sender names the vote, so that two repeats at once can't differ."""
    if vote.event_id is None:
        return uuid.uuid4()
    owner = "*" if vote.client_id is None else vote.client_id
    return uuid.uuid5(_NAMESPACE, f"{owner}/{vote.event_id}")


def _insert(votes: dict[uuid.UUID, Vote], now: datetime) -> set[uuid.UUID]:
    """Insert what is not there; the ids of those that were new."""
    # In one order everywhere, or two requests could wait for each other's votes.
    rows = [
        (
            *(pk, one.client_id, one.request_id, float(one.rating), one.scale, one.correction),
            *(one.comment, one.user_id, one.submitted_at, one.event_id),
        )
        for pk, one in sorted(votes.items())
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [now, now, *map(list, zip(*rows, strict=True))])
        return {pk for (pk,) in cursor.fetchall()}


def _first(repeats: dict[uuid.UUID, Vote]) -> dict[uuid.UUID, uuid.UUID]:
    """The ids under which repeats were stored: a key of every client may have sent one first."""
    if not repeats:
        return {}
    rows = [(pk, one.client_id, one.event_id) for pk, one in repeats.items()]
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, [list(column) for column in zip(*rows, strict=True)])
        return dict(cursor.fetchall())


def _taken(pk: uuid.UUID, fresh: set[uuid.UUID]) -> bool:
    """Whether this is the first with the id among those just stored."""
    if pk not in fresh:
        return False
    fresh.remove(pk)
    return True


def _check_text(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise Refused(field, f"It has {len(text)} characters.", f"Send at most {most}.")
    check_text(field, text)
