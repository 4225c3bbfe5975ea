"""OTLP/HTTP: addresses that stand before Django, described from their faces."""

from collections.abc import Iterable
from typing import Any

from aiosmon.openapi import rows
from aiosmon.openapi.errors import RETRY_AFTER
from aiosmon.openapi.schema import BEARER, HEADER
from metrics.ingest.faces import Face

Schema = dict[str, Any]
PROTOBUF, JSON = "application/x-protobuf", "application/json"
# signal: (message prefix, what is counted as rejected in a partial success, the body's one field)
_SIGNALS = {
    "traces": ("Trace", "rejectedSpans", "resourceSpans"),
    "metrics": ("Metrics", "rejectedDataPoints", "resourceMetrics"),
    "logs": ("Logs", "rejectedLogRecords", "resourceLogs"),
}
_ERRORS = {
    "400": "The body is not the message, or is malformed: don't send it again.",
    "401": "The API key is missing, unknown, revoked or expired.",
    "403": "The key lacks the scope *Send metrics*.",
    "413": "The body is too large, packed or unpacked.",
    "415": "The Content-Type or Content-Encoding is not one of those listed.",
    "429": "The key has sent more than it may in a minute.",
    "503": "The portal can't commit right now.",
}
_RETRYABLE = frozenset({"429", "503"})
STATUS: Schema = {
    "type": "object",
    "description": "google.rpc.Status, as the OTLP specification asks for.",
    "required": ["message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}


def add(result: Schema, faces: Iterable[Face]) -> None:
    """Add an operation for each OTLP face."""
    for face in faces:
        result["components"]["schemas"]["OtlpStatus"] = STATUS
        result["paths"][face.path] = {"post": _operation(face)}


def _operation(face: Face) -> Schema:
    signal = face.path.rsplit("/", 1)[-1]
    message, rejected, field = _SIGNALS[signal]
    partial = {
        "type": "object",
        "properties": {
            rejected: {"type": ["integer", "string"], "description": "int64"},
            "errorMessage": {"type": "string"},
        },
    }
    body = {"type": "object", "properties": {field: {"type": "array", "items": {}}}}
    done = {"type": "object", "properties": {"partialSuccess": partial}}
    return {
        "operationId": f"otlp_{signal}_send",
        "tags": ["otlp"],
        "summary": f"OTLP/HTTP: Export{message}ServiceRequest",
        "description": "What can't be mapped is counted by reason and reported as a partial "
        "success; exporters must not send it again.",
        "security": [{BEARER: []}, {HEADER: []}],
        "parameters": [rows.ENCODING_HEADER],
        "requestBody": {
            "required": True,
            "content": _contents(face, f"Export{message}ServiceRequest", body),
        },
        "responses": {
            "200": {
                "description": "Stored and committed, but for what partialSuccess counts.",
                "content": _contents(face, f"Export{message}ServiceResponse", done),
            },
            **{status: _error(face, status, text) for status, text in _ERRORS.items()},
        },
    }


def _contents(face: Face, message: str, as_json: Schema) -> Schema:
    binary = {"schema": {"description": f"{message}, serialized."}}
    kinds = {PROTOBUF: binary, JSON: {"schema": {**as_json, "description": message}}}
    return {kind: content for kind, content in kinds.items() if kind in face.content_types}


def _error(face: Face, status: str, description: str) -> Schema:
    content = _contents(face, "google.rpc.Status", {})
    content[JSON] = {"schema": {"$ref": "#/components/schemas/OtlpStatus"}}
    response: Schema = {"description": description, "content": content}
    if status in _RETRYABLE:
        response["headers"] = {"Retry-After": RETRY_AFTER}
    return response
