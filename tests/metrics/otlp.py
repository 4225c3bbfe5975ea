"""OTLP messages as exporters make them."""

import os
import time
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

PROTOBUF = "application/x-protobuf"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
# One start for a whole run: the times of a span that is sent again are the same.
START_NS = time.time_ns() - 60 * 10**9


def any_value(value: Any) -> AnyValue:
    """A plain value as OTLP writes it."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    return AnyValue(string_value=value)


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    """Attributes as OTLP writes them."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def span(attributes: dict[str, Any] | None = None, *, ms: float = 250, **fields: Any) -> Span:
    """A span of a call of a language model that took ``ms``."""
    made = {
        "trace_id": os.urandom(16),
        "span_id": os.urandom(8),
        "name": "chat gpt-4o",
        "start_time_unix_nano": START_NS,
        "end_time_unix_nano": START_NS + int(ms * 1_000_000),
        "attributes": pairs(CHAT if attributes is None else attributes),
        **fields,
    }
    return Span(**made)


def traces(*spans: Span, resource: dict[str, Any] | None = None) -> ExportTraceServiceRequest:
    """A request with these spans of one service."""
    resource = {"service.name": "assistant"} if resource is None else resource
    scope = ScopeSpans(spans=spans)
    whole = ResourceSpans(resource=Resource(attributes=pairs(resource)), scope_spans=[scope])
    return ExportTraceServiceRequest(resource_spans=[whole])
