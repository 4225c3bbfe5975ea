"""The feedback face: ratings of single requests, as JSON."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from msgspec import Meta

from accounts.models import ApiKey, User
from metrics.feedback import BY_THUMB, STARS, THUMBS, Receipt, Vote, receive
from metrics.ingest import errors, idempotency, reference, tally
from metrics.ingest import schema as rows
from metrics.ingest.faces import Answer, Face, Incoming, Ready, Unacceptable
from metrics.ingest.forms import Form, MalformedBody, Rejection
from metrics.ingest.rest import MAX_REJECTIONS_LISTED
from metrics.ingest.schema import Refused
from metrics.ingest.validate import Limits, owner
from metrics.models.feedback import MAX_COMMENT, MAX_CORRECTION


class SentVote(msgspec.Struct, forbid_unknown_fields=True):
    """One rating of one request, as a service sends it."""

    request_id: Annotated[str, Meta(min_length=1, max_length=100)]
    rating: Annotated[float, Meta(ge=1, le=5)] | None = None
    thumbs: Literal["up", "down"] | None = None
    correction: Annotated[str, Meta(max_length=MAX_CORRECTION)] | None = None
    comment: Annotated[str, Meta(max_length=MAX_COMMENT)] | None = None
    user_id: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    client: rows.Short | None = None
    client_id: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    submitted_at: Annotated[datetime, Meta(tz=True)] | None = None
    event_id: UUID | None = None


FIXES = {
    "request_id": "Send the request_id of the rated row, or the response_id in its metadata.",
    "rating": "Send a rating from 1 to 5, or thumbs.",
    "thumbs": "Send up or down, or a rating.",
    "correction": f"Send what the answer should have been, at most {MAX_CORRECTION} characters.",
    "comment": f"Send at most {MAX_COMMENT} characters.",
    "user_id": rows.FIXES["user_id"],
    "client": rows.FIXES["client"],
    "client_id": rows.FIXES["client_id"],
    "submitted_at": rows.FIXES["timestamp"],
    "event_id": "Send a UUID, the same when the vote is sent again, or leave it out.",
}
VOTES = Form(SentVote, FIXES, "vote")


class FeedbackFace(Face):
    """``POST /api/v1/feedback/``. It joins what it stores, so it has a transaction of its own."""

    name = "feedback"
    path = "/api/v1/feedback/"
    content_types = frozenset({"application/json"})

    def take(self, key: ApiKey, plain: bytes, request: Incoming) -> Answer:
        """201: all stored. 207: some, the others named. 400: none. With the ids."""
        try:
            claim = idempotency.claim_of(key.pk, plain, request)
            sent, unfit = VOTES.decode(plain, settings.INGEST_MAX_ROWS)
        except idempotency.BadKey as error:
            fix = "Send a UUID, say, the same one when the same request is sent again."
            raise Unacceptable(400, "Idempotency-Key", str(error), fix) from error
        except MalformedBody as error:
            fix = "Send one JSON object, or a list of them."
            raise Unacceptable(400, "(body)", str(error), fix) from error
        now = timezone.now()
        votes, refused = _votes(sent, key.client_id, Limits.at(now))
        rejections = sorted(unfit + refused, key=lambda rejection: rejection.index)
        with transaction.atomic():
            receipts = receive([vote for _index, vote in votes], now)
            answer = _answer([index for index, _vote in votes], receipts, rejections)
            repeat = idempotency.settle([(claim, answer)])[0] if claim else None
            if repeat is not None:
                # Its votes are stored already, or belong to another body: what was done goes.
                transaction.set_rollback(True)
        _count(self.name, key.pk, [vote for _index, vote in votes], rejections, repeat)
        return repeat or answer

    def stored(self, ready: Ready) -> Answer:
        """Never asked: ``take`` answers."""
        raise NotImplementedError


def _votes(
    sent: Sequence[tuple[int, SentVote]], key_client_id: int | None, limits: Limits
) -> tuple[list[tuple[int, Vote]], list[Rejection]]:
    """Votes that can be stored, with their index in the body; why the others can't."""
    unknown = _unknown_users(one for _index, one in sent)
    votes, rejections = [], []
    for index, one in sent:
        try:
            _check_user(one, unknown)
            votes.append((index, _vote(one, key_client_id, limits)))
        except Refused as refused:
            rejections.append(Rejection(index, refused.field, refused.problem, refused.fix))
    return votes, rejections


def _vote(sent: SentVote, key_client_id: int | None, limits: Limits) -> Vote:
    rating, scale = _rating(sent)
    return Vote(
        _client_id(sent, key_client_id),
        sent.request_id,
        rating,
        _submitted_at(sent.submitted_at, limits),
        scale,
        sent.correction or "",
        sent.comment or "",
        sent.user_id,
        sent.event_id,
    )


def _rating(sent: SentVote) -> tuple[float, str]:
    if sent.thumbs is not None:
        if sent.rating is not None:
            raise Refused("thumbs", "It came with a rating.", "Send one of them.")
        return BY_THUMB[sent.thumbs], THUMBS
    if sent.rating is None:
        raise Refused("rating", "This vote has no rating.", FIXES["rating"])
    return sent.rating, STARS


def _client_id(sent: SentVote, key_client_id: int | None) -> int | None:
    """The client's id; None where only the rated request can tell."""
    if key_client_id is None and sent.client is None and sent.client_id is None:
        return None
    try:
        return owner(sent.client, sent.client_id, key_client_id, reference.current())
    except Refused:
        # Perhaps it was made since the reference was read.
        return owner(sent.client, sent.client_id, key_client_id, reference.refreshed())


def _submitted_at(at: datetime | None, limits: Limits) -> datetime:
    if at is None:
        return limits.now
    if at > limits.newest:
        ahead = settings.INGEST_MAX_AHEAD_SECONDS
        text = f"This is more than {ahead} s ahead of the portal's clock."
        raise Refused("submitted_at", text, "Set the clock.")
    if at < limits.oldest:
        days = settings.ROW_RETENTION_DAYS
        text = f"This is older than the {days} days that rows are kept."
        raise Refused("submitted_at", text, "Leave it out.")
    return at


def _check_user(sent: SentVote, unknown: set[int]) -> None:
    if sent.user_id is not None and sent.user_id in unknown:
        raise Refused("user_id", f"There is no user {sent.user_id}.")


def _unknown_users(sent: Iterable[SentVote]) -> set[int]:
    """The users that votes name and that do not exist."""
    asked = {one.user_id for one in sent if one.user_id is not None}
    if not asked:
        return set()
    return asked - set(User.objects.filter(pk__in=asked).values_list("pk", flat=True))


def _answer(
    indexes: Sequence[int], receipts: Sequence[Receipt], rejections: Sequence[Rejection]
) -> Answer:
    """The ids in the order of the body, null for what was refused."""
    ids: list[UUID | None] = [None] * (len(indexes) + len(rejections))
    for index, receipt in zip(indexes, receipts, strict=True):
        ids[index] = receipt.id
    content = {
        "stored": len(receipts),
        "rejected": len(rejections),
        "rejections": [msgspec.to_builtins(one) for one in rejections[:MAX_REJECTIONS_LISTED]],
        "ids": ids,
    }
    status = 201 if not rejections else 207 if receipts else 400
    return Answer(status, content, rows=len(ids))


def _count(
    face: str,
    key_id: int,
    votes: Sequence[Vote],
    rejections: Sequence[Rejection],
    repeat: Answer | None,
) -> None:
    if repeat is not None:
        tally.counted(face, key_id)
        if repeat.status == errors.CONFLICT:
            tally.refused(face, key_id, "409 Idempotency-Key", "The key came with another body.")
        return
    newest = max((vote.submitted_at for vote in votes), default=None)
    tally.counted(face, key_id, stored=len(votes), rejected=len(rejections), newest=newest)
    for rejection in rejections:
        tally.refused(face, key_id, rejection.field, f"{rejection.problem} {rejection.fix}")
