"""Votes find the request they rate, whichever comes first, and count once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Client
from metrics import feedback
from metrics.feedback import Vote
from metrics.ingest.schema import Refused
from metrics.models import Feedback, MetricDefinition, PendingMinute, PerformanceMetric
from tests.metrics.threads import at_once

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]

REQUEST = {
    "request_id": "r-1",
    "endpoint_path": "/ask",
    "query_complexity": "complex",
    "ml_models_used": ["gpt-4o", "reranker"],
    "service_name": "assistant",
}


def vote(client: Client | None, rating: float = 4.0, **fields: Any) -> Vote:
    """On r-1, a second ago."""
    defaults = {"request_id": "r-1", "submitted_at": timezone.now() - timedelta(seconds=1)}
    return Vote(client.pk if client else None, rating=rating, **{**defaults, **fields})


def receive(*votes: Vote) -> list[UUID]:
    """The ids they got."""
    return [receipt.id for receipt in feedback.receive(votes, timezone.now())]


def ratings() -> list[PerformanceMetric]:
    """The rows that votes have become."""
    return list(PerformanceMetric.objects.filter(metric_name="user_feedback_rating").order_by("id"))


def test_a_vote_after_the_answer_takes_over_its_facts(make_rows: MakeRows, acme: Client) -> None:
    at = timezone.now() - timedelta(days=3)
    make_rows(acme, [900.0], timestamp=at, **REQUEST)
    (pk,) = receive(vote(acme, 2.0, correction="It is 42.", comment="Wrong"))
    found = Feedback.objects.get(pk=pk)
    assert (found.component, found.service_name, found.endpoint_path, found.query_complexity) == (
        *("cognitive_core", "assistant", "/ask", "complex"),
    )
    assert (found.model, found.rated_at, found.correction) == ("gpt-4o", at, "It is 42.")
    assert found.joined_at is not None
    assert found.next_look_at is None


def test_it_becomes_a_row_that_counts_where_the_request_does(
    make_rows: MakeRows, acme: Client
) -> None:
    make_rows(acme, [900.0], **REQUEST)
    one = vote(acme, 4.5)
    (pk,) = receive(one)
    (row,) = ratings()
    assert (row.client_id, row.component, row.service_name) == (
        *(acme.pk, "cognitive_core", "assistant"),
    )
    assert (row.metric_value, row.user_satisfaction_score, row.measurement_unit) == (
        *(4.5, 4.5, "score"),
    )
    assert (row.query_complexity, row.ml_models_used) == ("complex", ["gpt-4o", "reranker"])
    assert (row.request_id, row.timestamp, row.endpoint_path) == ("r-1", one.submitted_at, "/ask")
    assert row.metadata == {"feedback_id": str(pk), "scale": "stars"}
    assert PendingMinute.objects.filter(metric_name="user_feedback_rating").exists()


def test_a_vote_before_the_answer_waits_for_it(make_rows: MakeRows, acme: Client) -> None:
    (pk,) = receive(vote(acme))
    now = timezone.now()
    assert feedback.join_waiting(now) == 0
    waiting = Feedback.objects.get(pk=pk)
    assert waiting.joined_at is None
    assert waiting.next_look_at is not None
    assert waiting.next_look_at > now
    make_rows(acme, [900.0], **REQUEST)
    assert feedback.join_waiting(now) == 0, "it is not due yet"
    assert feedback.join_waiting(waiting.next_look_at) == 1
    assert len(ratings()) == 1
    assert feedback.join_waiting(now + timedelta(hours=1)) == 0


@pytest.mark.parametrize(
    ("waited", "again"),
    [
        (timedelta(seconds=2), timedelta(seconds=5)),
        (timedelta(minutes=10), timedelta(minutes=1)),
        (timedelta(days=2), timedelta(minutes=5)),
    ],
)
def test_the_longer_it_waits_the_less_often_it_is_looked_for(
    acme: Client, waited: timedelta, again: timedelta
) -> None:
    receive(vote(acme))
    later = Feedback.objects.get().received_at + waited
    feedback.join_waiting(later)
    assert Feedback.objects.get().next_look_at == later + again


def test_it_is_given_up_when_its_request_could_not_be_kept(
    make_rows: MakeRows, acme: Client, settings: Any
) -> None:
    receive(vote(acme))
    later = timezone.now() + timedelta(days=settings.ROW_RETENTION_DAYS)
    make_rows(acme, [900.0], **REQUEST)
    assert feedback.join_waiting(later) == 0
    assert Feedback.objects.get().next_look_at is None
    assert ratings() == []


def test_many_that_never_join_do_not_keep_another_waiting(
    make_rows: MakeRows, acme: Client
) -> None:
    receive(*(vote(acme, request_id=f"lost-{n}") for n in range(7)), vote(acme))
    make_rows(acme, [900.0], **REQUEST)
    assert feedback.join_waiting(timezone.now(), batch=2) == 1


def test_one_pass_is_bounded(acme: Client) -> None:
    receive(*(vote(acme, request_id=f"lost-{n}") for n in range(7)))
    now = timezone.now()
    feedback.join_waiting(now, batch=2, most=2)
    assert Feedback.objects.filter(next_look_at__gt=now).count() == 4


def test_the_newest_row_of_the_request_is_the_rated_one(make_rows: MakeRows, acme: Client) -> None:
    now = timezone.now()
    make_rows(acme, [1.0], timestamp=now - timedelta(hours=1), **REQUEST | {"service_name": "new"})
    make_rows(acme, [1.0], timestamp=now - timedelta(days=2), **REQUEST | {"service_name": "old"})
    receive(vote(acme))
    assert ratings()[0].service_name == "new"


def test_another_vote_is_not_what_is_rated(make_rows: MakeRows, acme: Client) -> None:
    about = {"metric_name": "user_feedback_processing_time", "metric_category": "user_feedback"}
    make_rows(acme, [1.0], **REQUEST | about)
    receive(vote(acme))
    assert ratings() == []


def test_another_clients_request_of_the_same_id_is_left_alone(
    make_rows: MakeRows, acme: Client, globex: Client
) -> None:
    make_rows(globex, [1.0], **REQUEST)
    receive(vote(acme))
    assert ratings() == []


def test_without_a_client_it_is_the_requests(make_rows: MakeRows, globex: Client) -> None:
    event = uuid4()
    (first,) = receive(vote(None, event_id=event))
    assert Feedback.objects.get().client is None
    make_rows(globex, [1.0], **REQUEST)
    assert feedback.join_waiting(timezone.now()) == 1
    assert Feedback.objects.get().client == globex
    assert ratings()[0].client_id == globex.pk
    # Sent again, by the same key or by one of the client's own.
    assert receive(vote(None, event_id=event), vote(globex, event_id=event)) == [first, first]
    assert len(ratings()) == Feedback.objects.count() == 1


def test_a_vote_that_the_client_sent_too_is_not_joined_twice(
    make_rows: MakeRows, globex: Client
) -> None:
    event = uuid4()
    receive(vote(None, event_id=event), vote(globex, event_id=event))
    make_rows(globex, [1.0], **REQUEST)
    feedback.join_waiting(timezone.now())
    assert len(ratings()) == 1


def test_the_id_of_the_response_finds_it_too(make_rows: MakeRows, acme: Client) -> None:
    metadata = {"response_id": "chatcmpl-1"}
    make_rows(acme, [1.0], metadata=metadata, **REQUEST | {"request_id": "trace-1"})
    receive(vote(acme, request_id="chatcmpl-1"))
    assert ratings()[0].request_id == "chatcmpl-1"


def test_a_probes_request_makes_a_probes_rating(make_rows: MakeRows, acme: Client) -> None:
    make_rows(acme, [1.0], synthetic=True, **REQUEST)
    receive(vote(acme))
    assert ratings()[0].synthetic


def test_a_named_vote_is_stored_once_and_the_first_holds(
    make_rows: MakeRows, acme: Client, globex: Client
) -> None:
    make_rows(acme, [1.0], **REQUEST)
    event = uuid4()
    first = feedback.receive([vote(acme, 5.0, event_id=event)], timezone.now())
    again = feedback.receive([vote(acme, 1.0, event_id=event)] * 2, timezone.now())
    assert [one.new for one in first + again] == [True, False, False]
    assert {one.id for one in again} == {first[0].id}
    assert [row.metric_value for row in ratings()] == [5.0]
    assert receive(vote(globex, event_id=event)) != [first[0].id], "another client's own vote"


def test_two_at_once_in_one_request_are_one(acme: Client) -> None:
    event = uuid4()
    receipts = feedback.receive([vote(acme, event_id=event)] * 2, timezone.now())
    assert [one.new for one in receipts] == [True, False]
    assert Feedback.objects.count() == 1


def test_whole_and_broken_ratings_come_together(acme: Client) -> None:
    receive(vote(acme, 4), vote(acme, 4.5))
    assert set(Feedback.objects.values_list("rating", flat=True)) == {4.0, 4.5}


def test_votes_without_a_name_are_votes_each(make_rows: MakeRows, acme: Client) -> None:
    make_rows(acme, [1.0], **REQUEST)
    assert len(set(receive(vote(acme), vote(acme)))) == 2
    assert len(ratings()) == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_joiners_and_senders_at_once_store_one_row(make_rows: MakeRows, acme: Client) -> None:
    votes = [vote(acme, request_id=f"r-{n}", event_id=uuid4()) for n in range(40)]
    now: datetime = timezone.now()
    feedback.receive(votes, now)
    for number in range(40):
        make_rows(acme, [1.0], **REQUEST | {"request_id": f"r-{number}"})
    joined = at_once(
        *[lambda: feedback.join_waiting(now, batch=3, most=50)] * 4,
        lambda: feedback.receive(votes, now),
        lambda: feedback.receive(votes[::-1], now),
    )
    assert sum(joined[:4]) == 40
    assert len(ratings()) == Feedback.objects.filter(joined_at__isnull=False).count() == 40


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_senders_at_once_of_one_vote_get_one_id(make_rows: MakeRows, acme: Client) -> None:
    make_rows(acme, [1.0], **REQUEST)
    votes = [vote(acme, event_id=uuid4()) for _ in range(20)]
    now = timezone.now()
    answers = at_once(
        lambda: feedback.receive(votes, now),
        lambda: feedback.receive(votes[::-1], now)[::-1],
        lambda: feedback.receive(votes, now),
    )
    ids = [[one.id for one in answer] for answer in answers]
    assert ids[0] == ids[1] == ids[2]
    assert [sum(one.new for one in same) for same in zip(*answers, strict=True)] == [1] * 20
    assert len(ratings()) == 20


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("rating", {"rating": 0.99}),
        ("rating", {"rating": 5.01}),
        ("rating", {"rating": float("nan")}),
        ("rating", {"rating": 4.0, "scale": "thumbs"}),
        ("scale", {"scale": "smileys"}),
        ("request_id", {"request_id": ""}),
        ("request_id", {"request_id": "r" * 101}),
        ("request_id", {"request_id": "r\0"}),
        ("correction", {"correction": "c" * 10_001}),
        ("comment", {"comment": "\ud800"}),
    ],
)
def test_a_vote_that_cannot_be_stored_names_its_field(
    acme: Client, field: str, changes: Any
) -> None:
    with pytest.raises(Refused) as refused:
        vote(acme, **changes)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "wrong",
    [
        {"rating": 0.5},
        {"rating": 3, "scale": "thumbs"},
        {"scale": "smileys"},
        {"request_id": ""},
        {"joined_at": timezone.now()},
        {"rated_at": timezone.now()},
        {"component": "cognitive_core"},
        {"integrated_at": timezone.now(), "client": None},
    ],
)
def test_the_database_refuses_what_can_not_be(acme: Client, wrong: dict[str, Any]) -> None:
    fields = {"client": acme, "request_id": "r", "rating": 5, "submitted_at": timezone.now()}
    Feedback.objects.create(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        Feedback.objects.create(**fields | wrong)


def test_its_unit_is_known(db: None) -> None:
    assert MetricDefinition.objects.get(name="user_feedback_rating").unit == "score"


def test_a_response_is_looked_for_through_an_index(make_rows: MakeRows, acme: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT FROM ai_performance_metrics WHERE metadata ->> 'response_id' = 'a'"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index" in plan
    assert "Seq Scan" not in plan
