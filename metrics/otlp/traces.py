"""``/v1/traces``: a span that a rule names a measurement is one row."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

from metrics.ingest.schema import Refused, Rejection, Row
from metrics.models import Complexity
from metrics.otlp import mapping
from metrics.otlp.attributes import plain
from metrics.otlp.face import Found, OtlpFace
from metrics.otlp.mapping import SPAN_KIND, SPAN_NAME, Mapping, Meaning, Unmapped

UNIT, NS_PER_MS = "ms", 1_000_000
NOT_MAPPED = "span_not_mapped"
TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8
# The columns' widths.
MAX_ENDPOINT, MAX_MODEL = 255, 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {number: name.removeprefix("SPAN_KIND_").lower() for name, number in Span.SpanKind.items()}
_COMPLEXITIES = frozenset(Complexity.values)
# What of a span is kept beside the columns, under these names.
_KEPT = {
    "provider": Meaning.PROVIDER,
    "operation": Meaning.OPERATION,
    "input_tokens": Meaning.INPUT_TOKENS,
    "output_tokens": Meaning.OUTPUT_TOKENS,
    "first_output_s": Meaning.FIRST_TOKEN,
    "finish_reasons": Meaning.FINISH_REASONS,
    "response_id": Meaning.RESPONSE_ID,
    "error": Meaning.ERROR,
}


class Traces(OtlpFace):
    """Spans."""

    name = "otlp_traces"
    path = "/v1/traces"
    request_type = ExportTraceServiceRequest
    response_type = ExportTraceServiceResponse
    rejected_field = "rejected_spans"

    def count(self, message: ExportTraceServiceRequest) -> int:
        """How many spans."""
        return sum(len(scope.spans) for one in message.resource_spans for scope in one.scope_spans)

    def find(self, message: ExportTraceServiceRequest) -> Found:
        """A row for each span with a meaning."""
        names, found = mapping.current(), Found()
        for index, (span, resource) in enumerate(_spans(message, names)):
            try:
                found.rows.append((index, row_of(span, resource, names)))
            except Unmapped as unmapped:
                found.leave_out(unmapped.reason, unmapped.example)
            except Refused as fault:
                found.rejections.append(Rejection(index, fault.field, fault.problem, fault.fix))
        return found


def row_of(span: Any, resource: dict[str, Any], names: Mapping) -> Row:
    """One span as a row: its length in ms at its start, its trace id as request id.

    Raises Unmapped for a span that no rule gives a metric, and Refused for a faulty one.
    """
    attributes = {**resource, **plain(span.attributes, names.wanted)}
    attributes[SPAN_NAME], attributes[SPAN_KIND] = span.name, _KINDS.get(span.kind, "")
    decision = names.decide(attributes)
    if not decision.metric_name:
        raise Unmapped(NOT_MAPPED, f"span “{span.name}” of {_service(attributes, names)}")
    source = names.source(attributes, decision)
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if not 0 < start <= end:
        raise Refused("end_time_unix_nano", "The span ends before it starts.", "Send both times.")
    complexity = names.text(Meaning.COMPLEXITY, attributes)
    endpoint = names.text(Meaning.ENDPOINT, attributes)
    model = names.text(Meaning.MODEL, attributes)
    failed = span.status.code == SpanStatus.STATUS_CODE_ERROR
    return Row(
        metric_name=decision.metric_name,
        metric_category=decision.metric_category,  # type: ignore[arg-type]  # the rules' choices are the schema's
        metric_value=(end - start) / NS_PER_MS,
        measurement_unit=UNIT,
        component=source.component,
        service_name=source.service_name,
        endpoint_path=endpoint and endpoint[:MAX_ENDPOINT],
        client=source.client,
        request_id=span.trace_id.hex(),
        query_complexity=complexity
        if complexity in _COMPLEXITIES
        else decision.query_complexity or None,  # type: ignore[arg-type]  # checked just now
        ml_models_used=[model[:MAX_MODEL]] if model else None,
        timestamp=_EPOCH + timedelta(microseconds=start // 1000),
        metadata=_kept(span, attributes, names),
        success=not failed and names.value(Meaning.ERROR, attributes) is None,
        event_id=_identity(span),
    )


def _spans(
    message: ExportTraceServiceRequest, names: Mapping
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every span with its resource's attributes."""
    for one in message.resource_spans:
        resource = plain(one.resource.attributes, names.wanted)
        for scope in one.scope_spans:
            for span in scope.spans:
                yield span, resource


def _identity(span: Any) -> UUID:
    """The same for a span that is sent again. Raises Refused."""
    if len(span.trace_id) != TRACE_ID_BYTES or len(span.span_id) != SPAN_ID_BYTES:
        problem = "A span needs a trace id of 16 bytes and a span id of 8."
        raise Refused("trace_id", problem, "Send both ids.")
    digest = hashlib.blake2b(span.trace_id + span.span_id, digest_size=16).digest()
    return UUID(bytes=digest)


def _kept(span: Any, attributes: dict[str, Any], names: Mapping) -> dict[str, Any]:
    kept: dict[str, Any] = {"span": span.name, "span_id": span.span_id.hex()}
    for name, meaning in _KEPT.items():
        found = names.value(meaning, attributes)
        if found is not None:
            kept[name] = found
    return kept


def _service(attributes: dict[str, Any], names: Mapping) -> str:
    return names.text(Meaning.SERVICE, attributes) or "an unnamed service"
