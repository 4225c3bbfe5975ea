"""The OpenTelemetry SDK and its OTLP/HTTP exporter against a running portal."""

import logging
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tests.otlp.portal import Portal, Relay

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MODELS = ["gpt-4o", "gpt-4o-mini", "o3"]
SPANS, BATCH = 200, 64
MS = 1_000_000


class Tracing:
    """A service's tracer; ``finished`` has what it emitted, as the SDK itself says."""

    def __init__(self, relay: Relay, key: str, service: str) -> None:
        self.exporter = OTLPSpanExporter(
            f"{relay.url}/v1/traces", headers=bearer(key), compression=Compression.Gzip
        )
        self._kept = InMemorySpanExporter()
        self.provider = TracerProvider(resource=Resource({"service.name": service}))
        self.provider.add_span_processor(SimpleSpanProcessor(self._kept))
        batches = BatchSpanProcessor(self.exporter, max_export_batch_size=BATCH)
        self.provider.add_span_processor(batches)
        self.tracer = self.provider.get_tracer("tests")

    @property
    def finished(self) -> list[ReadableSpan]:
        """Spans of calls of models; others have no attributes."""
        return [span for span in self._kept.get_finished_spans() if span.attributes]

    def emit(self, count: int) -> None:
        """Calls of models of various lengths, each within a span that is none."""
        for _number in range(count):
            with self.tracer.start_as_current_span("GET /ask"):
                now = time.time_ns()
                attributes: dict[str, Any] = {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.request.model": random.choice(MODELS),
                    "gen_ai.usage.input_tokens": random.randrange(1, 5000),
                }
                span = self.tracer.start_span("chat", attributes=attributes, start_time=now)
                if random.random() < 0.2:
                    span.record_exception(RuntimeError("as it happens"))
                    span.set_status(StatusCode.ERROR)
                span.end(now + random.randrange(1, 5000) * MS // 3)


def bearer(key: str) -> dict[str, str]:
    """The exporter's headers."""
    return {"Authorization": f"Bearer {key}"}


def as_rows(spans: Sequence[ReadableSpan]) -> dict[str, tuple[Any, ...]]:
    """What the portal should have stored, by span id."""
    return {f"{span.context.span_id:016x}": _as_row(span) for span in spans}


def _as_row(span: ReadableSpan) -> tuple[Any, ...]:
    assert span.start_time is not None
    assert span.end_time is not None
    attributes: Any = span.attributes
    return (
        f"{span.context.trace_id:032x}",
        EPOCH + timedelta(microseconds=span.start_time // 1000),
        (span.end_time - span.start_time) / MS,
        attributes["gen_ai.request.model"],
        attributes["gen_ai.usage.input_tokens"],
        span.status.status_code is not StatusCode.ERROR,
    )


def stored(portal: Portal, service: str) -> dict[str, tuple[Any, ...]]:
    """Rows of calls of models, by span id."""
    rows = portal.query(
        "SELECT metadata ->> 'span_id', request_id, \"timestamp\", metric_value,"
        " ml_models_used ->> 0, (metadata ->> 'input_tokens')::int, success"
        " FROM ai_performance_metrics"
        " WHERE service_name = %s AND metric_name = 'gen_ai_inference_time'",
        service,
    )
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1:] for row in rows}


def test_what_is_emitted_is_stored_however_often_it_is_sent(portal: Portal, relay: Relay) -> None:
    tracing = Tracing(relay, portal.keys["traces"], "traced")
    # The portal has stored the first batch, but the exporter doesn't hear of it.
    relay.lose = 1
    tracing.emit(SPANS)
    assert tracing.provider.force_flush()
    emitted = as_rows(tracing.finished)
    assert len(emitted) == SPANS
    assert stored(portal, "traced") == emitted

    bodies = [one.plain for one in relay.exchanges]
    assert len(set(bodies)) >= 2 * SPANS // BATCH
    assert {one.headers["Content-Encoding"] for one in relay.exchanges} == {"gzip"}
    refusals = portal.refusals("traces", len(bodies))
    assert refusals == {"span_not_mapped": SPANS + not_mapped_twice(relay)}

    assert {one.status for one in relay.again(portal.keys["again"])} == {200}
    # In other batches, and with other neighbours.
    assert tracing.exporter.export(tracing.finished[::-1]) is SpanExportResult.SUCCESS
    assert stored(portal, "traced") == emitted
    tracing.provider.shutdown()


def not_mapped_twice(relay: Relay) -> int:
    """How many spans without a meaning the batch has that came twice."""
    ((body, times),) = Counter(one.plain for one in relay.exchanges).most_common(1)
    assert times == 2
    spans = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    return sum(not span.attributes for span in spans)


@pytest.fixture
def logger(portal: Portal, relay: Relay) -> Iterator[LoggerProvider]:
    """The SDK's loggers of a service that judges answers."""
    exporter = OTLPLogExporter(
        f"{relay.url}/v1/logs",
        headers=bearer(portal.keys["logs"]),
        compression=Compression.Gzip,
    )
    provider = LoggerProvider(resource=Resource({"service.name": "judge"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    yield provider
    provider.shutdown()


def event(name: str, score: float, **more: str) -> dict[str, Any]:
    """An evaluation, for Logger.emit; names of attributes with _ for their dots."""
    attributes = {name.replace("__", "."): value for name, value in more.items()}
    return {
        "event_name": "gen_ai.evaluation.result",
        "timestamp": time.time_ns(),
        "attributes": {
            "gen_ai.evaluation.name": name,
            "gen_ai.evaluation.score.value": score,
            **attributes,
        },
    }


def test_evaluations_and_votes_of_the_sdks_logger_are_stored_once(
    portal: Portal, relay: Relay, logger: LoggerProvider
) -> None:
    tracing = Tracing(relay, portal.keys["judged"], "judged")
    emit = logger.get_logger("tests").emit
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "o3",
        "gen_ai.response.id": "chatcmpl-sdk",
        "gen_ai.usage.input_tokens": 1,
    }
    with tracing.tracer.start_as_current_span("chat", attributes=attributes) as span:
        emit(**event("user_feedback", 2.0, gen_ai__evaluation__explanation="Wrong"))
        emit(**event("Relevance", 0.25, gen_ai__evaluation__score__label="poor"))
        emit(severity_text="INFO", body="What the user said")
    emit(**event("user_feedback", 1.0, gen_ai__response__id="chatcmpl-sdk",
                 gen_ai__evaluation__score__label="thumbs_up"))  # fmt: skip
    emit(**event("user_feedback", 9.0, gen_ai__response__id="chatcmpl-sdk"))
    tracing.provider.shutdown()
    assert logger.force_flush()

    trace_id = f"{span.get_span_context().trace_id:032x}"
    (exchange,) = relay.sent("/v1/logs")
    partial = ExportLogsServiceResponse.FromString(exchange.answer).partial_success
    assert (exchange.status, partial.rejected_log_records) == (200, 1)
    assert "rating" in partial.error_message
    assert portal.refusals("logs", 1) == {"log_not_mapped": 1, "rating": 1}

    def all_stored() -> list[Any]:
        votes = "SELECT request_id, rating, scale, comment, model, service_name FROM feedback"
        rows = (
            "SELECT metric_name, metric_value, request_id, service_name, metadata ->> 'label'"
            " FROM ai_performance_metrics WHERE service_name = 'judge'"
            " OR metric_name = 'user_feedback_rating'"
        )
        return [portal.query(f"{votes} ORDER BY rating"), portal.query(f"{rows} ORDER BY 1, 2")]

    expected = [
        [
            (trace_id, 2.0, "stars", "Wrong", "o3", "judged"),
            ("chatcmpl-sdk", 5.0, "thumbs", "", "o3", "judged"),
        ],
        [
            ("gen_ai.evaluation.Relevance", 0.25, trace_id, "judge", "poor"),
            ("user_feedback_rating", 2.0, trace_id, "judged", None),
            ("user_feedback_rating", 5.0, "chatcmpl-sdk", "judged", None),
        ],
    ]
    assert all_stored() == expected
    relay.again(portal.keys["again"])
    assert all_stored() == expected


@pytest.fixture(autouse=True)
def _exporters_may_complain(caplog: pytest.LogCaptureFixture) -> None:
    """The exporter warns of what it sends again: that is what the test wants."""
    caplog.set_level(logging.ERROR, logger="opentelemetry")
