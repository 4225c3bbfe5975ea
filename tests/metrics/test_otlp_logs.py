"""Evaluations in log records become rows; what has no meaning here is counted."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValueList

from accounts import keys
from accounts.models import ApiKey, Client
from metrics import feedback
from metrics.feedback import joining
from metrics.models import (
    Feedback,
    IntakeRejection,
    MetricDefinition,
    PerformanceMetric,
)
from metrics.otlp import logs as face
from metrics.otlp import mapping
from tests.metrics.fast import Post
from tests.metrics.otlp import PROTOBUF, START_NS, any_value, pairs, span
from tests.metrics.otlp_logs import (
    EVENT,
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


def evaluations() -> list[PerformanceMetric]:
    """The rows that are no spans and no votes."""
    found = PerformanceMetric.objects.filter(metric_name__startswith="gen_ai.evaluation.")
    return list(found.order_by("id"))


def test_an_evaluation_is_one_row_with_all_that_it_says(post: Post, api_key: str) -> None:
    attributes = {
        **RELEVANCE,
        "gen_ai.evaluation.score.label": "relevant",
        "gen_ai.evaluation.explanation": "It answers what was asked.",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.request.model": "gpt-4o",
    }
    sent = log(attributes)
    (answer,) = export(post, api_key, logs(sent))
    assert not answer.HasField("partial_success")
    (row,) = evaluations()
    assert (row.metric_name, row.metric_category) == ("gen_ai.evaluation.Relevance", "ml_inference")
    assert (row.metric_value, row.measurement_unit) == (0.8, "score")
    assert (row.component, row.service_name) == ("cognitive_core", "assistant")
    assert (row.request_id, row.ml_models_used) == (sent.trace_id.hex(), ["gpt-4o"])
    assert row.timestamp == datetime.fromtimestamp(START_NS // 1000 / 1e6, UTC)
    assert row.metadata == {
        "evaluation": "Relevance",
        "label": "relevant",
        "explanation": "It answers what was asked.",
        "span_id": sent.span_id.hex(),
        "response_id": "chatcmpl-1",
    }


def test_the_event_is_known_in_every_form_that_it_has_had(post: Post, api_key: str) -> None:
    in_body = AnyValue(kvlist_value=KeyValueList(values=pairs(RELEVANCE)))
    forms = [
        log(RELEVANCE),
        log({**RELEVANCE, "event.name": EVENT}, event_name=""),
        log(RELEVANCE, event_name="", body=any_value(EVENT)),
        log({"event.name": EVENT}, event_name="", body=in_body),
    ]
    export(post, api_key, logs(*forms))
    assert [row.metric_value for row in evaluations()] == [0.8] * 4


def test_the_same_record_as_json_is_the_same_row(post: Post, api_key: str) -> None:
    made = log(RELEVANCE)
    export(post, api_key, logs(made))
    content = json_format.MessageToDict(logs(made))
    told = content["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    told["traceId"], told["spanId"] = made.trace_id.hex(), made.span_id.hex()
    body = json.dumps(content).encode()
    (answer,) = post(api_key, body, path="/v1/logs", **{"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {})
    assert [row.request_id for row in evaluations()] == [made.trace_id.hex()]


def test_a_defined_evaluation_has_its_own_unit(post: Post, api_key: str) -> None:
    MetricDefinition.objects.create(
        name="gen_ai.evaluation.Relevance", category="ml_inference", unit="accuracy"
    )
    export(post, api_key, logs(log(RELEVANCE)))
    assert [row.measurement_unit for row in evaluations()] == ["accuracy"]


def test_a_batch_that_is_sent_again_changes_nothing(post: Post, api_key: str) -> None:
    export_spans(post, api_key, rated := span())
    message = logs(
        *(log(RELEVANCE) for _ in range(10)),
        *(log(STARS, trace_id=rated.trace_id) for _ in range(10)),
    )
    export(post, api_key, message, message)
    export(post, api_key, message)
    assert len(evaluations()) == 10
    assert Feedback.objects.count() == 10
    assert PerformanceMetric.objects.filter(metric_name=joining.METRIC).count() == 10


def test_evaluations_that_differ_in_one_thing_are_two(post: Post, api_key: str) -> None:
    ids = {"trace_id": os.urandom(16), "span_id": os.urandom(8)}
    records = [
        log(RELEVANCE, **ids),
        log(RELEVANCE, **{**ids, "trace_id": os.urandom(16)}),
        log(RELEVANCE, **{**ids, "span_id": os.urandom(8)}),
        log(RELEVANCE, **ids, time_unix_nano=START_NS + 1),
        log({**RELEVANCE, "gen_ai.response.id": "r2"}, **ids),
        log({**RELEVANCE, "gen_ai.evaluation.score.value": 0.9}, **ids),
        log({**RELEVANCE, "gen_ai.evaluation.name": "Fluency"}, **ids),
    ]
    export(post, api_key, logs(*records))
    assert len(evaluations()) == len(records)


def test_other_logs_are_counted_without_what_they_say(post: Post, api_key: str) -> None:
    other = log({}, event_name="", body=any_value("a secret prompt"))
    named = log({"event.name": "gen_ai.user.message"}, event_name="")
    (answer,) = export(post, api_key, logs(log(RELEVANCE), other, named))
    assert not answer.HasField("partial_success")
    assert len(evaluations()) == 1
    assert reason_counts() == {"log_not_mapped": 2}
    assert "secret" not in IntakeRejection.objects.get().example


def test_a_faulty_record_is_told_and_the_others_are_kept(post: Post, api_key: str) -> None:
    nameless = log({"gen_ai.evaluation.score.value": 0.8})
    without_score = log({"gen_ai.evaluation.name": "Relevance"})
    text = log({**RELEVANCE, "gen_ai.evaluation.score.value": "high"})
    yes = log({**RELEVANCE, "gen_ai.evaluation.score.value": True})
    endless = log({**RELEVANCE, "gen_ai.evaluation.score.value": float("inf")})
    timeless = log(RELEVANCE, time_unix_nano=0)
    ancient = log(RELEVANCE, time_unix_nano=1)
    stranger = log({**RELEVANCE, "aiosmon.client": "nobody"})
    records = [
        nameless,
        without_score,
        text,
        yes,
        endless,
        timeless,
        ancient,
        stranger,
        log(RELEVANCE),
    ]
    (answer,) = export(post, api_key, logs(*records))
    assert answer.partial_success.rejected_log_records == 8
    assert "record 0, gen_ai.evaluation.name" in answer.partial_success.error_message
    assert len(evaluations()) == 1
    assert reason_counts() == {
        "gen_ai.evaluation.name": 1,
        "gen_ai.evaluation.score.value": 3,
        "metric_value": 1,
        "time_unix_nano": 1,
        "timestamp": 1,
        "client": 1,
    }


def test_the_client_comes_from_the_key_or_from_the_attribute(
    post: Post, api_key: str, acme: Client
) -> None:
    own = keys.issue("acme's", [ApiKey.Scope.INGEST], client=acme)[1]
    export(post, own, logs(vote(), log(RELEVANCE)))
    named = {"service.name": "s", "aiosmon.client": "acme"}
    export(post, api_key, logs(vote(), log(RELEVANCE), resource=named))
    export(post, api_key, logs(vote()))
    assert list(
        Feedback.objects.order_by("received_at").values_list("client__code", flat=True)
    ) == [
        *("acme", "acme", None),
    ]
    assert [row.client_id for row in evaluations()] == [acme.pk] * 2
    (answer,) = export(post, own, logs(vote(aiosmon__client="platform")))
    assert answer.partial_success.rejected_log_records == 1


def test_long_names_and_explanations_are_cut_to_the_columns(post: Post, api_key: str) -> None:
    long = {"gen_ai.evaluation.explanation": "e" * 5000}
    relevance = {**RELEVANCE, **long, "gen_ai.evaluation.name": "n" * 200}
    (answer,) = export(post, api_key, logs(log(relevance), log({**STARS, **long})))
    assert not answer.HasField("partial_success")
    assert evaluations()[0].metric_name == "gen_ai.evaluation." + "n" * 82
    assert Feedback.objects.get().comment == "e" * 2000


def away(*_arguments: Any) -> None:
    raise OperationalError


@pytest.mark.parametrize(
    "break_it",
    [
        lambda monkeypatch: monkeypatch.setattr(feedback, "receive", away),
        lambda monkeypatch: monkeypatch.setattr(face, "commit", away),
    ],
    ids=["votes", "rows"],
)
def test_a_database_that_is_away_stores_nothing_and_asks_for_the_batch_again(
    post: Post,
    api_key: str,
    monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[pytest.MonkeyPatch], None],
) -> None:
    body = logs(vote(), log(RELEVANCE)).SerializeToString()
    with monkeypatch.context() as broken:
        break_it(broken)
        (answer,) = post(api_key, body, path="/v1/logs", **{"Content-Type": PROTOBUF})
    assert answer.status_code == 503
    assert Status.FromString(answer.content).code == 14
    assert not Feedback.objects.exists()
    assert not evaluations()
    (answer,) = post(api_key, body, path="/v1/logs", **{"Content-Type": PROTOBUF})
    assert answer.status_code == 200
    assert Feedback.objects.count() == len(evaluations()) == 1


ANY_VALUE = (
    st.text(max_size=9) | st.integers(-9, 9) | st.floats() | st.booleans()
    | st.lists(st.text(max_size=3), max_size=2)
)  # fmt: skip
NAMES = (
    *("gen_ai.evaluation.score.value", "gen_ai.evaluation.score.label", "gen_ai.response.id"),
    *("gen_ai.evaluation.explanation", "aiosmon.client", "gen_ai.request.model", "event.name"),
)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    attributes=st.dictionaries(st.sampled_from(NAMES), ANY_VALUE),
    name=st.sampled_from(["user_feedback", "Relevance"]) | st.text(max_size=9),
    body=ANY_VALUE,
    event=st.sampled_from([EVENT, ""]),
    ids=st.tuples(st.binary(max_size=17), st.binary(max_size=9)),
    at=st.integers(0, 2**64 - 1) | st.just(START_NS),
)
def test_any_record_is_stored_or_refused_by_name(
    post: Post,
    api_key: str,
    attributes: dict[str, Any],
    name: str,
    body: Any,
    event: str,
    ids: tuple[bytes, bytes],
    at: int,
) -> None:
    record = log(
        {"gen_ai.evaluation.name": name, **attributes},
        event_name=event,
        body=any_value(body),
        trace_id=ids[0],
        span_id=ids[1],
        time_unix_nano=at,
    )
    export(post, api_key, logs(record, log(RELEVANCE), vote()))
