"""OTLP's log records as exporters make them, and how tests send them."""

import os
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from metrics.ingest.tally import tally
from metrics.models import IntakeRejection
from tests.metrics.fast import Post
from tests.metrics.otlp import PROTOBUF, START_NS, pairs, traces

EVENT = "gen_ai.evaluation.result"
RELEVANCE = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.8}
STARS = {"gen_ai.evaluation.name": "user_feedback", "gen_ai.evaluation.score.value": 4.0}


def log(attributes: dict[str, Any], **fields: Any) -> LogRecord:
    """An event of evaluation in a trace of its own."""
    made = {
        "event_name": EVENT,
        "time_unix_nano": START_NS,
        "trace_id": os.urandom(16),
        "span_id": os.urandom(8),
        "attributes": pairs(attributes),
        **fields,
    }
    return LogRecord(**made)


def vote(**attributes: Any) -> LogRecord:
    """Four stars; names of attributes with _ for their dots."""
    return log({**STARS, **{name.replace("__", "."): value for name, value in attributes.items()}})


def logs(*records: LogRecord, resource: dict[str, Any] | None = None) -> ExportLogsServiceRequest:
    """A request with these records of one service."""
    resource = {"service.name": "assistant"} if resource is None else resource
    whole = ResourceLogs(
        resource=Resource(attributes=pairs(resource)), scope_logs=[ScopeLogs(log_records=records)]
    )
    return ExportLogsServiceRequest(resource_logs=[whole])


def export(post: Post, key: str, *messages: ExportLogsServiceRequest) -> list[Any]:
    bodies = [message.SerializeToString() for message in messages]
    answers = post(key, *bodies, path="/v1/logs", **{"Content-Type": PROTOBUF})
    assert {answer.status_code for answer in answers} == {200}
    return [ExportLogsServiceResponse.FromString(answer.content) for answer in answers]


def export_spans(post: Post, key: str, *spans: Any, **options: Any) -> None:
    body = traces(*spans, **options).SerializeToString()
    (answer,) = post(key, body, path="/v1/traces", **{"Content-Type": PROTOBUF})
    assert answer.status_code == 200


def reason_counts() -> dict[str, int]:
    """What was refused or left out, by reason."""
    tally.flush()
    return dict(IntakeRejection.objects.values_list("reason", "count"))
