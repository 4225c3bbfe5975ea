"""Spans become rows; what has no meaning here is counted."""

from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from accounts import keys
from accounts.models import ApiKey, Client
from metrics.ingest.tally import tally
from metrics.models import ComponentRule, IntakeRejection, PerformanceMetric
from metrics.otlp import mapping
from tests.metrics.fast import Post
from tests.metrics.otlp import CHAT, PROTOBUF, START_NS, span, traces

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(autouse=True)
def fresh_mapping() -> None:
    mapping.forget()


def export(post: Post, key: str, *messages: ExportTraceServiceRequest) -> list[Any]:
    bodies = [message.SerializeToString() for message in messages]
    answers = post(key, *bodies, path="/v1/traces", **{"Content-Type": PROTOBUF})
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["content-type"] for answer in answers} == {PROTOBUF}
    return [ExportTraceServiceResponse.FromString(answer.content) for answer in answers]


def reason_counts() -> dict[str, int]:
    tally.flush()
    return dict(IntakeRejection.objects.values_list("reason", "count"))


def test_a_span_is_one_row_with_all_that_it_says(post: Post, api_key: str) -> None:
    attributes = {
        **CHAT,
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.input.messages": "what the user asked",
        "http.route": "/api/ai/query",
        "aiosmon.query_complexity": "complex",
    }
    sent = span(attributes, ms=1234.5)
    (answer,) = export(post, api_key, traces(sent))
    assert not answer.HasField("partial_success")
    row = PerformanceMetric.objects.get()
    assert (row.metric_name, row.metric_category) == ("gen_ai_inference_time", "ml_inference")
    assert (row.metric_value, row.measurement_unit) == (1234.5, "ms")
    assert (row.component, row.service_name) == ("cognitive_core", "assistant")
    assert (row.request_id, row.ml_models_used) == (sent.trace_id.hex(), ["gpt-4o"])
    assert (row.endpoint_path, row.query_complexity) == ("/api/ai/query", "complex")
    assert row.success
    assert row.timestamp == datetime.fromtimestamp(START_NS // 1000 / 1e6, UTC)
    assert row.metadata == {
        "span": "chat gpt-4o",
        "span_id": sent.span_id.hex(),
        "provider": "openai",
        "operation": "chat",
        "input_tokens": 12,
        "output_tokens": 34,
        "finish_reasons": ["stop"],
        "response_id": "chatcmpl-1",
    }


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.system": "openai",
                "gen_ai.usage.prompt_tokens": 7,
            },
            ("gen_ai_inference_time", None, {"provider": "openai", "input_tokens": 7}),
        ),
        (
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.output_tokens": 9,
                "gen_ai.response.time_to_first_chunk": 0.25,
            },
            (
                "gen_ai_inference_time",
                None,
                {"provider": "anthropic", "output_tokens": 9, "first_output_s": 0.25},
            ),
        ),
        (
            {"gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-4o-2024"},
            ("gen_ai_inference_time", ["gpt-4o-2024"], {}),
        ),
        (
            {
                "openinference.span.kind": "LLM",
                "llm.model_name": "claude",
                "llm.token_count.completion": 9,
            },
            ("gen_ai_inference_time", ["claude"], {"output_tokens": 9}),
        ),
        (
            {"llm.request.type": "chat", "gen_ai.request.model": "m", "gen_ai.system": "x"},
            ("gen_ai_inference_time", ["m"], {"provider": "x", "operation": "chat"}),
        ),
        (
            {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e5"},
            ("embedding_generation_time", ["e5"], {}),
        ),
    ],
    ids=["legacy", "newest", "response model", "OpenInference", "OpenLLMetry", "embeddings"],
)
def test_every_generation_of_names_is_understood(
    post: Post, api_key: str, attributes: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    export(post, api_key, traces(span(attributes)))
    row = PerformanceMetric.objects.get()
    name, models, metadata = expected
    assert (row.metric_name, row.ml_models_used) == (name, models)
    assert metadata.items() <= row.metadata.items()


def test_an_error_makes_a_row_unsuccessful(post: Post, api_key: str) -> None:
    by_type = span({**CHAT, "error.type": "timeout"})
    by_status = span(status=Status(code=Status.STATUS_CODE_ERROR))
    export(post, api_key, traces(by_type, by_status, span()))
    failed = PerformanceMetric.objects.filter(success=False)
    assert {row.request_id for row in failed} == {
        by_type.trace_id.hex(),
        by_status.trace_id.hex(),
    }
    assert failed.get(request_id=by_type.trace_id.hex()).metadata["error"] == "timeout"


def test_a_batch_that_is_sent_again_changes_nothing(post: Post, api_key: str) -> None:
    message = traces(*(span() for _ in range(20)))
    export(post, api_key, message, message)
    export(post, api_key, message)
    assert PerformanceMetric.objects.count() == 20


def test_a_span_without_a_meaning_is_counted_and_is_no_error(post: Post, api_key: str) -> None:
    other = span({"db.system": "postgresql"}, name="SELECT")
    (answer,) = export(post, api_key, traces(span(), other, other))
    assert not answer.HasField("partial_success")
    assert PerformanceMetric.objects.count() == 1
    assert reason_counts() == {"span_not_mapped": 2}
    assert "SELECT" in IntakeRejection.objects.get().example


def test_a_faulty_span_is_told_and_the_others_are_kept(post: Post, api_key: str) -> None:
    backwards = span(end_time_unix_nano=START_NS - 1)
    nameless = span(trace_id=b"")
    ancient = span(start_time_unix_nano=1, end_time_unix_nano=2)
    stranger = span({**CHAT, "aiosmon.client": "nobody"})
    lost = span({**CHAT, "aiosmon.component": "nowhere"})
    (answer,) = export(post, api_key, traces(backwards, nameless, ancient, stranger, lost, span()))
    assert answer.partial_success.rejected_spans == 5
    assert "record 0, end_time_unix_nano" in answer.partial_success.error_message
    assert answer.partial_success.error_message.endswith("and 2 more")
    assert PerformanceMetric.objects.count() == 1
    assert set(reason_counts()) == {
        *("end_time_unix_nano", "trace_id", "timestamp", "client", "component")
    }


def test_the_client_comes_from_the_key_or_from_the_attribute(post: Post, api_key: str) -> None:
    acme = Client.objects.create(code="acme", name="Acme")
    _key, own = keys.issue("acme's", [ApiKey.Scope.INGEST], client=acme)
    export(post, own, traces(span()))
    export(post, api_key, traces(span(), resource={"service.name": "s", "aiosmon.client": "acme"}))
    assert [row.client_id for row in PerformanceMetric.objects.all()] == [acme.pk] * 2
    (answer,) = export(post, own, traces(span({**CHAT, "aiosmon.client": "platform"})))
    assert answer.partial_success.rejected_spans == 1


def test_rules_that_people_make_turn_other_spans_into_rows(post: Post, api_key: str) -> None:
    ComponentRule.objects.create(
        name="shop",
        priority=1,
        attribute="span.name",
        pattern="POST /shop/*",
        component="data_intelligence",
        metric_name="shop_time",
        metric_category="user_interface",
        query_complexity="simple",
    )
    mapping.forget()
    export(post, api_key, traces(span({}, name="POST /shop/cart"), span({}, name="GET /shop/")))
    row = PerformanceMetric.objects.get()
    assert (row.metric_name, row.component) == ("shop_time", "data_intelligence")
    assert row.query_complexity == "simple"


def test_long_names_are_cut_to_the_columns(post: Post, api_key: str) -> None:
    attributes = {**CHAT, "gen_ai.request.model": "m" * 300, "http.route": "/" * 300}
    (answer,) = export(post, api_key, traces(span(attributes), resource={"service.name": "s" * 80}))
    assert not answer.HasField("partial_success")
    row = PerformanceMetric.objects.get()
    assert (row.service_name, row.endpoint_path) == ("s" * 50, "/" * 255)
    assert row.ml_models_used == ["m" * 100]
