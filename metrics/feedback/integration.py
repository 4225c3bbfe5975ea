"""A model has learned from a vote: how long that took, counted once."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from metrics.feedback.joining import event_id
from metrics.ingest.schema import Row
from metrics.ingest.store import store
from metrics.models import Feedback
from metrics.units import Unit

METRIC = "learning_integration_time"
# The specification promises it of the feedback loop, whatever component gave the answer.
COMPONENT = "user_interface"
# A vote whose request is not known was given through a service that is not known either.
NO_SERVICE = "unknown"

_CLAIM = """
UPDATE feedback SET integrated_at = greatest(%s, submitted_at)
WHERE id = %s AND integrated_at IS NULL AND client_id IS NOT NULL
"""


class NotOwned(Exception):
    """Whose the vote is follows from its request, which is not known yet."""


@dataclass(frozen=True)
class Integrated:
    """From vote to learned."""

    id: uuid.UUID
    submitted_at: datetime
    integrated_at: datetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.integrated_at - self.submitted_at).total_seconds()


def integrate(feedback_id: uuid.UUID, client_id: int | None, now: datetime) -> Integrated:
    """Note that a model has learned from the vote; the first time counts, whoever comes again.

    ``client_id``: the only client whose votes there are for the caller; None: all.
    Raises Feedback.DoesNotExist, and NotOwned.
    """
    votes = Feedback.objects.all()
    if client_id is not None:
        votes = votes.filter(client_id=client_id)
    with transaction.atomic(), connection.cursor() as cursor:
        votes.get(pk=feedback_id)
        cursor.execute(_CLAIM, [now, feedback_id])
        first = cursor.rowcount == 1
        vote = votes.get(pk=feedback_id)
        if vote.integrated_at is None:
            raise NotOwned
        done = Integrated(vote.pk, vote.submitted_at, vote.integrated_at)
        if first:
            store([_row(vote, done)])
    return done


def _row(vote: Feedback, done: Integrated) -> Row:
    return Row(
        metric_name=METRIC,
        metric_category="user_feedback",
        metric_value=done.seconds,
        measurement_unit=Unit.SECONDS.value,
        component=COMPONENT,
        service_name=vote.service_name or NO_SERVICE,
        client_id=vote.client_id,
        request_id=vote.request_id,
        query_complexity=vote.query_complexity or None,  # type: ignore[arg-type]  # a choice
        ml_models_used=[vote.model] if vote.model else None,
        timestamp=done.integrated_at,
        metadata={"feedback_id": str(vote.pk)},
        event_id=event_id(vote.pk, METRIC),
    )
