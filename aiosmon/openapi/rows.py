"""``POST /api/v1/metrics/``, described from the structs that decode it."""

from typing import Any

import msgspec
from django.conf import settings

from aiosmon.openapi import errors
from metrics.ingest.rest import MAX_REJECTIONS_LISTED, Rest
from metrics.ingest.schema import FIXES, Rejection, Row

Schema = dict[str, Any]
PATH = Rest.path
REF = "#/components/schemas/{name}"

EXAMPLE = {
    "metric_name": "conversational_query_response_time",
    "metric_category": "ai_query",
    "metric_value": 2310,
    "measurement_unit": "ms",
    "component": "cognitive_core",
    "service_name": "assistant",
    "query_complexity": "simple",
    "ml_models_used": ["gpt-4o"],
    "timestamp": "2026-01-31T12:00:00Z",
    "event_id": "0f3f5c5e-8a53-4a0c-9a58-1b3a2d1c7e11",
}
_REJECTION = {
    "index": 1,
    "field": "metric_value",
    "problem": "Expected float, got str.",
    "fix": FIXES["metric_value"],
}
KEY_HEADER: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request, sent again under the same key, is stored once and gets the "
    f"first answer again, for {settings.IDEMPOTENCY_HOURS} h. 1–255 printable ASCII characters.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "7c0a3f64-2f0c-4f2f-9a2f-3d2f6f3b9e52",
}
ENCODING_HEADER: Schema = {
    "name": "Content-Encoding",
    "in": "header",
    "description": f"How the body is packed. At most {settings.INGEST_MAX_BYTES} bytes unpacked.",
    "schema": {"type": "string", "enum": ["identity", "gzip", "zstd"], "default": "identity"},
}
REPLAY_HEADER: Schema = {
    "description": "true: the answer to an earlier request of the same Idempotency-Key.",
    "schema": {"type": "string", "const": "true"},
}


def schemas() -> Schema:
    """Row and Rejection as msgspec reads them, the row's fields with their rules in words."""
    _, components = msgspec.json.schema_components((Row, Rejection), ref_template=REF)
    sent: Schema = {**components["Row"], "title": "SentRow"}
    for name, rule in FIXES.items():
        sent["properties"][name]["description"] = rule
    stored: Schema = {
        "type": "object",
        "required": ["stored", "rejected", "rejections"],
        "additionalProperties": False,
        "properties": {
            "stored": {"type": "integer", "minimum": 0, "description": "Rows committed."},
            "rejected": {"type": "integer", "minimum": 0, "description": "Rows not stored."},
            "rejections": {
                "type": "array",
                "maxItems": MAX_REJECTIONS_LISTED,
                "description": "Why, for the first of them.",
                "items": {"$ref": "#/components/schemas/Rejection"},
            },
        },
    }
    return {"SentRow": sent, "Rejection": components["Rejection"], "Stored": stored}


def describe(operation: Schema) -> None:
    """Fill in the body, the headers and the answers."""
    operation["summary"] = "Store metric rows"
    operation["description"] = (
        "201: all rows are committed. 207: some are; the others are named. 400: none is. "
        "A row with an `event_id` that is sent again is stored once."
    )
    operation["parameters"] = [KEY_HEADER, ENCODING_HEADER, *operation.get("parameters", [])]
    operation["requestBody"] = {"required": True, "content": _bodies()}
    operation["responses"] = {
        "201": _answer("All rows are committed.", 2, []),
        "207": _answer("Some rows are committed; the others are named.", 1, [_REJECTION]),
        "400": _nothing(),
    }


def _bodies() -> Schema:
    row = {"$ref": "#/components/schemas/SentRow"}
    most = settings.INGEST_MAX_ROWS
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": most}
    examples = {"a list": {"value": [EXAMPLE]}, "one row": {"value": EXAMPLE}}
    lines = "".join(msgspec.json.encode(EXAMPLE).decode() + "\n" for _ in range(2))
    text = {"type": "string", "description": "One row (SentRow) a line, in JSON."}
    bodies: Schema = {"application/json": {"schema": {"oneOf": [rows, row]}, "examples": examples}}
    for media_type in sorted(Rest.content_types - {"application/json"}, reverse=True):
        bodies[media_type] = {"schema": text, "example": lines}
    return bodies


def _answer(description: str, stored: int, rejections: list[Schema]) -> Schema:
    example = {"stored": stored, "rejected": len(rejections), "rejections": rejections}
    schema = {"$ref": "#/components/schemas/Stored"}
    return {
        "description": description,
        "headers": {"Idempotent-Replay": REPLAY_HEADER},
        "content": {errors.JSON: {"schema": schema, "example": example}},
    }


def _nothing() -> Schema:
    """400 in its two forms: rows that all were refused, or a body that holds no row at all."""
    answer = _answer("No row is stored.", 0, [_REJECTION])
    content = answer["content"][errors.JSON]
    content["schema"] = {
        "oneOf": [content["schema"], {"$ref": "#/components/schemas/Error"}],
    }
    return answer
