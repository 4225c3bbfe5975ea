"""Users' votes in log records become ratings of their requests."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from metrics.feedback import joining
from metrics.models import Feedback, IntakeMinute, PerformanceMetric
from metrics.otlp import mapping
from tests.metrics.fast import Post
from tests.metrics.otlp import CHAT, PROTOBUF, START_NS, span
from tests.metrics.otlp_logs import (
    RELEVANCE,
    STARS,
    export,
    export_spans,
    log,
    logs,
    reason_counts,
    vote,
)

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(autouse=True)
def fresh_mapping() -> None:
    mapping.forget()


def test_a_vote_rates_the_request_of_its_trace(post: Post, api_key: str) -> None:
    chat = {**CHAT, "aiosmon.query_complexity": "complex"}
    export_spans(post, api_key, rated := span(chat))
    sent = log({**STARS, "gen_ai.evaluation.explanation": "Good"}, trace_id=rated.trace_id)
    (answer,) = export(post, api_key, logs(sent, resource={}))
    assert not answer.HasField("partial_success")
    found = Feedback.objects.get()
    assert (found.rating, found.scale, found.comment) == (4.0, "stars", "Good")
    assert found.submitted_at == datetime.fromtimestamp(START_NS // 1000 / 1e6, UTC)
    assert (found.service_name, found.query_complexity, found.model) == (
        *("assistant", "complex", "gpt-4o"),
    )
    row = PerformanceMetric.objects.get(metric_name=joining.METRIC)
    assert (row.metric_value, row.request_id) == (4.0, rated.trace_id.hex())


def test_a_vote_in_another_trace_rates_the_response_that_it_names(post: Post, api_key: str) -> None:
    export_spans(post, api_key, span({**CHAT, "gen_ai.response.id": "r1"}), voting := span())
    export(
        post, api_key, logs(log({**STARS, "gen_ai.response.id": "r1"}, trace_id=voting.trace_id))
    )
    found = Feedback.objects.get()
    assert (found.request_id, found.model) == ("r1", "gpt-4o")


def test_a_vote_whose_response_no_span_has_told_rates_its_trace(post: Post, api_key: str) -> None:
    export_spans(post, api_key, rated := span())
    about = {"gen_ai.response.id": "r1"}
    judged = log({**RELEVANCE, **about}, time_unix_nano=START_NS - 10**9)
    export(post, api_key, logs(judged))
    export(post, api_key, logs(log({**STARS, **about}, trace_id=rated.trace_id)))
    found = Feedback.objects.get()
    assert (found.request_id, found.model) == (rated.trace_id.hex(), "gpt-4o")


def test_a_vote_before_its_request_waits_for_it(post: Post, api_key: str) -> None:
    rated = span({**CHAT, "gen_ai.response.id": "r1"})
    export(post, api_key, logs(vote(gen_ai__response__id="r1")))
    assert Feedback.objects.get().joined_at is None
    export_spans(post, api_key, rated)
    assert joining.join_waiting(timezone.now() + timedelta(minutes=1)) == 1
    assert Feedback.objects.get().model == "gpt-4o"


def test_labels_that_name_a_thumb_are_thumbs(post: Post, api_key: str) -> None:
    cases: dict[tuple[str, float | None], tuple[float, str]] = {
        ("up", None): (5.0, "thumbs"),
        ("thumbs_up", 1.0): (5.0, "thumbs"),
        ("Thumbs Down", 0.0): (1.0, "thumbs"),
        ("👎", None): (1.0, "thumbs"),
        ("satisfied", 4.0): (4.0, "stars"),
    }
    for number, (label, score) in enumerate(cases):
        attributes = {**STARS, "gen_ai.evaluation.score.label": label}
        attributes["gen_ai.evaluation.score.value"] = "" if score is None else score
        sent = log(attributes, time_unix_nano=START_NS + number * 1000)
        assert not export(post, api_key, logs(sent))[0].HasField("partial_success")
    stored = Feedback.objects.order_by("submitted_at").values_list("rating", "scale")
    assert list(stored) == list(cases.values())


def test_a_faulty_vote_is_told_and_the_others_are_kept(post: Post, api_key: str) -> None:
    six = vote(gen_ai__evaluation__score__value=6.0)
    no_score = log({"gen_ai.evaluation.name": "user_feedback"})
    no_request = log(STARS, trace_id=b"\0" * 16)
    ahead = log(STARS, time_unix_nano=START_NS + 10**18)
    ancient = log(STARS, time_unix_nano=1)
    stranger = vote(aiosmon__client="nobody")
    records = [six, no_score, no_request, ahead, ancient, stranger, vote(), log(RELEVANCE)]
    (answer,) = export(post, api_key, logs(*records))
    assert answer.partial_success.rejected_log_records == 6
    assert Feedback.objects.count() == 1
    assert PerformanceMetric.objects.filter(metric_name="gen_ai.evaluation.Relevance").count() == 1
    assert reason_counts() == {
        "rating": 1,
        "gen_ai.evaluation.score.value": 1,
        "trace_id": 1,
        "time_unix_nano": 2,
        "client": 1,
    }
    minute = IntakeMinute.objects.get()
    assert (minute.requests, minute.stored, minute.rejected) == (1, 2, 6)


def test_votes_count_against_the_limit_of_the_key(post: Post) -> None:
    key = keys.issue("small", [ApiKey.Scope.INGEST], rows_per_minute=3)[1]
    export(post, key, logs(*(vote() for _ in range(4))))
    body = logs(vote()).SerializeToString()
    (answer,) = post(key, body, path="/v1/logs", **{"Content-Type": PROTOBUF})
    assert answer.status_code == 429


def test_a_vote_rates_the_request_and_not_what_a_judge_said_of_it(post: Post, api_key: str) -> None:
    rated = span({**CHAT, "gen_ai.response.id": "r1"})
    export_spans(post, api_key, rated)
    about = {**RELEVANCE, "gen_ai.response.id": "r1"}
    judged = log(about, trace_id=rated.trace_id, time_unix_nano=START_NS + 10**9)
    export(post, api_key, logs(judged, resource={"service.name": "judge"}))
    by_trace = log(STARS, trace_id=rated.trace_id)
    export(post, api_key, logs(by_trace, vote(gen_ai__response__id="r1")))
    found = Feedback.objects.values_list("service_name", "model")
    assert list(found) == [("assistant", "gpt-4o")] * 2
