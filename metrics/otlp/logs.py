"""``/v1/logs``: an evaluation is one row, a user's vote a rating of its request.

Other log records have no meaning here and are counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from accounts.models import ApiKey
from metrics import feedback
from metrics.feedback import Vote
from metrics.ingest import reference, tally
from metrics.ingest.faces import Answer, Incoming, Ready
from metrics.ingest.schema import Refused, Rejection
from metrics.ingest.store import Batch, commit
from metrics.ingest.validate import Limits, owner, prepare
from metrics.models import Category, PerformanceMetric
from metrics.otlp import evaluations, mapping
from metrics.otlp.attributes import plain
from metrics.otlp.evaluations import Ballot
from metrics.otlp.face import Found, OtlpFace
from metrics.otlp.mapping import Mapping, Unmapped

Ballots = Sequence[tuple[int, Ballot]]


@dataclass
class FoundLogs(Found):
    """What log records held: votes apart, since they have a transaction of their own."""

    ballots: list[tuple[int, Ballot]] = field(default_factory=list)


class Logs(OtlpFace):
    """Log records."""

    name = "otlp_logs"
    path = "/v1/logs"
    request_type = ExportLogsServiceRequest
    response_type = ExportLogsServiceResponse
    rejected_field = "rejected_log_records"

    def count(self, message: ExportLogsServiceRequest) -> int:
        """How many log records."""
        scopes = (scope for one in message.resource_logs for scope in one.scope_logs)
        return sum(len(scope.log_records) for scope in scopes)

    def stored_of(
        self, key: ApiKey, message: ExportLogsServiceRequest, request: Incoming
    ) -> Ready | Answer:
        """Rows alone are stored with other requests'; with votes, all in one transaction."""
        found = self.find(message)
        self.count_left_out(key, found)
        limits = Limits.at(timezone.now())
        batch, refused = prepare(found.rows, key.client_id, limits)
        votes, unfit = _votes(found.ballots, key.client_id, limits)
        rejections = sorted(found.rejections + refused + unfit, key=lambda one: one.index)
        if not votes:
            return Ready(batch, rejections, request, key.pk)
        with transaction.atomic():
            feedback.receive(votes, limits.now)
            commit(batch)
        self._count(key, batch, votes, rejections)
        answer = self.answer(request, rejections)
        rows = len(batch) + len(votes) + len(rejections)
        return Answer(answer.status, answer.content, answer.headers, rows)

    def find(self, message: ExportLogsServiceRequest) -> FoundLogs:
        """Evaluations as rows, votes as ballots."""
        names, units, found = mapping.current(), reference.current().units, FoundLogs()
        for index, (record, resource) in enumerate(_records(message, names)):
            try:
                one = evaluations.read(record, resource, names, units)
                if isinstance(one, Ballot):
                    found.ballots.append((index, one))
                else:
                    found.rows.append((index, one))
            except Unmapped as unmapped:
                found.leave_out(unmapped.reason, unmapped.example)
            except Refused as fault:
                found.rejections.append(_rejection(index, fault))
        return found

    def _count(
        self, key: ApiKey, batch: Batch, votes: Sequence[Vote], rejections: Sequence[Rejection]
    ) -> None:
        newest = max(vote.submitted_at for vote in votes)
        tally.counted(
            self.name,
            key.pk,
            stored=len(batch) + len(votes),
            rejected=len(rejections),
            newest=max(newest, batch.newest or newest),
        )
        tally.seen(batch.emitters, timezone.now())
        for one in rejections:
            tally.refused(self.name, key.pk, one.field, f"{one.problem} {one.fix}")


def _records(
    message: ExportLogsServiceRequest, names: Mapping
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every record with its resource's attributes."""
    for one in message.resource_logs:
        resource = plain(one.resource.attributes, names.wanted)
        for scope in one.scope_logs:
            for record in scope.log_records:
                yield record, resource


def _votes(
    ballots: Ballots, key_client_id: int | None, limits: Limits
) -> tuple[list[Vote], list[Rejection]]:
    """Votes that can be stored, and why the others can't."""
    votes: list[Vote] = []
    rejections: list[Rejection] = []
    by_trace = _better_by_trace(ballots)
    for index, ballot in ballots:
        try:
            _check_time(ballot.submitted_at, limits)
            votes.append(
                Vote(
                    client_id=_client(ballot.client, key_client_id),
                    request_id=ballot.trace_id if ballot in by_trace else ballot.response_id,
                    rating=ballot.rating,
                    submitted_at=ballot.submitted_at,
                    scale=ballot.scale,
                    comment=ballot.comment,
                    event_id=ballot.event_id,
                )
            )
        except Refused as fault:
            rejections.append(_rejection(index, fault))
    return votes, rejections


def _client(code: str | None, key_client_id: int | None) -> int | None:
    """Whose request it is; None if neither the key nor the event says. Raises Refused."""
    if code is None and key_client_id is None:
        return None
    try:
        return owner(code, None, key_client_id, reference.current())
    except Refused:
        # Perhaps it was made since the reference was read.
        return owner(code, None, key_client_id, reference.refreshed())


def _check_time(at: datetime, limits: Limits) -> None:
    """Raise Refused for a vote whose row no partition could hold."""
    if not limits.oldest <= at <= limits.newest:
        problem = "It is ahead of the portal's clock, or from before the oldest rows."
        raise Refused("time_unix_nano", problem, "Set the clock, or send votes sooner.")


def _better_by_trace(ballots: Ballots) -> set[Ballot]:
    """Those to be joined by their trace.

    A vote's own trace is often another than the rated request's, so the response's
    id counts; but not every instrumentation tells it of its spans.
    """
    by_trace = {ballot for _index, ballot in ballots if not ballot.response_id}
    both = {ballot for _index, ballot in ballots if ballot.response_id and ballot.trace_id}
    if not both:
        return by_trace
    # What was said about a request is not the request.
    rows = PerformanceMetric.objects.exclude(metric_category=Category.USER_FEEDBACK)
    rows = rows.exclude(metric_name__startswith=evaluations.PREFIX)
    traces = {one.trace_id for one in both}
    known = set(rows.filter(request_id__in=traces).values_list("request_id", flat=True))
    asked = {one.response_id for one in both if one.trace_id in known}
    # As text, which is what the index has.
    responses = rows.annotate(response_id=KeyTextTransform("response_id", "metadata"))
    asked -= set(responses.filter(response_id__in=asked).values_list("response_id", flat=True))
    return by_trace | {one for one in both if one.trace_id in known and one.response_id in asked}


def _rejection(index: int, fault: Refused) -> Rejection:
    return Rejection(index, fault.field, fault.problem, fault.fix)
