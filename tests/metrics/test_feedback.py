"""POST /api/v1/feedback/: votes, their faults, repeats."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client, User
from metrics.ingest.tally import flush
from metrics.models import Feedback, IntakeMinute, IntakeRejection, PerformanceMetric
from tests.metrics.fast import Post
from tests.metrics.threads import at_once

pytestmark = pytest.mark.django_db
URL = "/api/v1/feedback/"
Rate = Callable[..., Any]


@pytest.fixture
def rate(api_key: str) -> Rate:
    """POST votes: ``rate({"request_id": "r-1", "rating": 5}, key=…)``."""

    def by_django(body: Any, key: str = api_key, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = {"X-API-Key": key, **headers}
        return Browser().post(URL, data, content_type="application/json", headers=headers)

    return by_django


def vote(**fields: Any) -> dict[str, Any]:
    """One that is accepted as it is."""
    return {"request_id": "r-1", "rating": 4, **fields}


def test_a_list_is_stored_and_answered_with_its_ids(rate: Rate, acme: Client) -> None:
    answer = rate([vote(client="acme"), vote(request_id="r-2", client_id=acme.pk)])
    body = answer.json()
    assert (answer.status_code, body["stored"], body["rejected"]) == (201, 2, 0)
    ids = [str(Feedback.objects.get(request_id=name).pk) for name in ("r-1", "r-2")]
    assert body["ids"] == ids
    assert set(Feedback.objects.values_list("client", flat=True)) == {acme.pk}


def test_one_object_is_a_vote_too_and_its_time_is_now(rate: Rate) -> None:
    before = timezone.now()
    assert rate(vote()).status_code == 201
    assert before <= Feedback.objects.get().submitted_at <= timezone.now()


@pytest.mark.parametrize(("thumb", "rating"), [("up", 5.0), ("down", 1.0)])
def test_thumbs_are_the_ends_of_the_scale_and_marked(rate: Rate, thumb: str, rating: float) -> None:
    assert rate({"request_id": "r-1", "thumbs": thumb}).status_code == 201
    found = Feedback.objects.get()
    assert (found.rating, found.scale) == (rating, "thumbs")


def test_all_that_was_sent_is_kept(rate: Rate, make_user: Any) -> None:
    user: User = make_user()
    sent = vote(
        rating=2.5,
        correction="It is 42.",
        comment="„naja“",
        user_id=user.pk,
        submitted_at="2026-11-01T12:00:00+02:00",
        event_id="0f3f5c5e-8a53-4a0c-9a58-1b3a2d1c7e11",
    )
    sent["submitted_at"] = (timezone.now() - timedelta(days=3)).isoformat()
    assert rate(sent).status_code == 201
    found = Feedback.objects.get()
    assert {name: getattr(found, name) for name in ("rating", "correction", "comment")} == {
        name: sent[name] for name in ("rating", "correction", "comment")
    }
    assert found.user == user
    assert found.submitted_at.isoformat() == sent["submitted_at"]
    assert str(found.event_id) == sent["event_id"]


def test_it_joins_a_request_that_is_stored(rate: Rate, acme: Client, make_rows: Any) -> None:
    make_rows(acme, [1.0], request_id="r-1")
    rate(vote())
    (row,) = PerformanceMetric.objects.filter(metric_name="user_feedback_rating")
    assert (row.client_id, row.metric_value) == (acme.pk, 4.0)


@pytest.mark.parametrize(
    ("field", "fix", "changes"),
    [
        ("ratnig", "Did you mean rating?", {"ratnig": 3}),
        ("zzzzz", "known: request_id, rating", {"zzzzz": 3}),
        ("request_id", "Send the request_id", {"request_id": ""}),
        ("request_id", "Remove it.", {"request_id": "r\0"}),
        ("rating", "Send a rating from 1 to 5", {"rating": 5.5}),
        ("rating", "Send a rating from 1 to 5", {"rating": None}),
        ("thumbs", "Send one of them.", {"thumbs": "up"}),
        ("thumbs", "Send up or down", {"rating": None, "thumbs": "sideways"}),
        ("correction", "at most 10000 characters", {"correction": "x" * 10_001}),
        ("comment", "at most 2000 characters", {"comment": "x" * 2_001}),
        ("user_id", "or leave it out", {"user_id": 2**31 - 1}),
        ("client", "or leave it out", {"client": "nobody"}),
        ("client_id", "or leave it out", {"client_id": 2**31 - 1}),
        ("submitted_at", "RFC 3339", {"submitted_at": "yesterday"}),
        ("submitted_at", "Leave it out", {"submitted_at": "2020-01-01T00:00:00Z"}),
        ("submitted_at", "Set the clock", {"submitted_at": "2199-01-01T00:00:00Z"}),
        ("event_id", "Send a UUID", {"event_id": "1"}),
    ],
)
def test_what_cannot_be_stored_is_named_and_the_rest_is_stored(
    rate: Rate, field: str, fix: str, changes: Any
) -> None:
    answer = rate([vote(), vote(**changes), vote()])
    body = answer.json()
    assert (answer.status_code, body["stored"], body["rejected"]) == (207, 2, 1)
    (rejection,) = body["rejections"]
    assert (rejection["index"], rejection["field"]) == (1, field)
    assert fix in rejection["fix"]
    assert [one is None for one in body["ids"]] == [False, True, False]
    assert Feedback.objects.count() == 2
    assert rate(vote(**changes)).status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"1", b'"x"', b"\xff", b"[" * 5000])
def test_a_body_that_holds_no_vote_is_refused(rate: Rate, body: bytes) -> None:
    answer = rate(body)
    assert answer.status_code == 400
    assert Feedback.objects.count() == 0


def test_too_many_are_refused_as_a_whole(rate: Rate, settings: Any) -> None:
    settings.INGEST_MAX_ROWS = 2
    answer = rate([vote()] * 3)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "(body)")
    assert "3 votes in one request; send at most 2" in answer.json()["error"]["problem"]


def test_a_named_vote_sent_again_gets_the_same_answer(rate: Rate, make_rows: Any) -> None:
    body = [vote(event_id=str(uuid4())), vote(event_id=str(uuid4())), vote(ratnig=1)]
    first, second = rate(body), rate(body)
    assert first.status_code == second.status_code == 207
    assert first.content == second.content
    assert Feedback.objects.count() == 2


def test_a_request_under_one_key_is_stored_once(rate: Rate, acme: Client, make_rows: Any) -> None:
    make_rows(acme, [1.0], request_id="r-1")
    key = {"Idempotency-Key": "order-1"}
    votes = [[vote()], [vote()], [vote(rating=1)]]
    first, second, other = (rate(body, **key) for body in votes)
    assert [one.status_code for one in (first, second, other)] == [201, 201, 409]
    assert first.content == second.content
    assert second.headers["Idempotent-Replay"] == "true"
    assert Feedback.objects.count() == 1
    assert PerformanceMetric.objects.filter(metric_name="user_feedback_rating").count() == 1
    bad = rate(vote(), **{"Idempotency-Key": "x" * 256})
    assert bad.json()["error"]["field"] == "Idempotency-Key"


def test_a_key_of_one_client_votes_for_that_client_alone(
    rate: Rate, acme: Client, globex: Client, make_rows: Any
) -> None:
    make_rows(globex, [1.0], request_id="r-1")
    _key, text = keys.issue("acme", [ApiKey.Scope.INGEST], client=acme)
    answer = rate([vote(), vote(client="globex"), vote(client="nobody")], text)
    assert answer.status_code == 207
    told = {(one["field"], one["problem"]) for one in answer.json()["rejections"]}
    assert told == {("client", "This API key may not report for this client.")}
    found = Feedback.objects.get()
    assert (found.client, found.joined_at) == (acme, None)


def test_it_takes_the_scope_to_send(rate: Rate) -> None:
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    assert rate(vote(), text).status_code == 403
    assert rate(vote(), "aiosmon_wrong").status_code == 401


def test_what_comes_in_is_counted(rate: Rate, api_key: str) -> None:
    rate([vote(), vote(rating=9)])
    flush()
    minute = IntakeMinute.objects.get(face="feedback")
    assert (minute.requests, minute.stored, minute.rejected) == (1, 1, 1)
    assert IntakeRejection.objects.get(face="feedback").reason == "rating"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_votes_at_once_by_the_fast_way_in_are_each_stored_once(
    post: Post, api_key: str, make_rows: Any, acme: Client
) -> None:
    make_rows(acme, [1.0], request_id="r-1")
    events = [str(uuid4()) for _ in range(10)]
    bodies = [[vote(event_id=event) for event in events], [vote(event_id=events[0])], vote(rat=1)]
    answers = post(api_key, *bodies * 4, path=URL)
    assert [answer.status_code for answer in answers] == [201, 201, 400] * 4
    assert {answer.content for answer in answers[::3]} == {answers[0].content}
    assert answers[1].json()["ids"] == answers[0].json()["ids"][:1]
    assert PerformanceMetric.objects.filter(metric_name="user_feedback_rating").count() == 10


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_equal_requests_at_once_under_one_key_are_one(
    rate: Rate, make_rows: Any, acme: Client
) -> None:
    make_rows(acme, [1.0], request_id="r-1")
    body = [vote(), vote(event_id=str(uuid4()))]
    answers = at_once(*[lambda: rate(body, **{"Idempotency-Key": "order-1"})] * 4)
    assert {(one.status_code, one.content) for one in answers} == {(201, answers[0].content)}
    assert sum("Idempotent-Replay" not in one.headers for one in answers) == 1
    assert Feedback.objects.count() == 2
    assert PerformanceMetric.objects.filter(metric_name="user_feedback_rating").count() == 2
