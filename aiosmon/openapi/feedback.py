"""What is sent to feedback and deployments, described from the structs that decode it."""

from typing import Any

import msgspec
from django.conf import settings

from aiosmon.openapi import errors, rows
from metrics.ingest import deployments, feedback
from metrics.ingest.deployments import SentDeployment
from metrics.ingest.feedback import FeedbackFace, SentVote

Schema = dict[str, Any]
PATH = FeedbackFace.path
DEPLOYMENTS_PATH = "/api/v1/deployments/"
INTEGRATED_PATH = "/api/v1/feedback/{vote_id}/integrated"

EXAMPLE = {
    "request_id": "req-8f2c",
    "rating": 2,
    "correction": "The team closed 42 issues, not 24.",
    "event_id": "3c1f8f0a-5d0e-4c55-9d52-7f6f1f0c2a77",
}
THUMB = {"request_id": "chatcmpl-9ab", "thumbs": "up"}
DEPLOYMENT = {
    "component": "cognitive_core",
    "service_name": "assistant",
    "version": "2026.3.1",
    "description": "New prompt for complex queries",
    "url": "https://ci.example.com/runs/4711",
    "event_id": "9f4b0f5e-2a4c-4f6e-8f0a-1d2c3b4a5e6f",
}
_REJECTION = {
    "index": 1,
    "field": "ratnig",
    "problem": "This field is unknown.",
    "fix": "Did you mean rating?",
}


def schemas() -> Schema:
    """The structs as msgspec reads them, their fields with their rules in words."""
    found: Schema = {}
    for kind, fixes in ((SentVote, feedback.FIXES), (SentDeployment, deployments.FIXES)):
        _, components = msgspec.json.schema_components((kind,), ref_template=rows.REF)
        found[kind.__name__] = components[kind.__name__]
        for name, rule in fixes.items():
            found[kind.__name__]["properties"][name]["description"] = rule
    stored = rows.schemas()["Stored"]
    ids = {
        "type": "array",
        "items": {"type": ["string", "null"], "format": "uuid"},
        "description": "Of each vote in the order sent; null for one that was refused.",
    }
    found["StoredVotes"] = {
        **stored,
        "required": [*stored["required"], "ids"],
        "properties": {**stored["properties"], "ids": ids},
    }
    return found


def describe(paths: Schema) -> None:
    """Fill in bodies and answers."""
    _votes(paths[PATH]["post"])
    deployment = paths[DEPLOYMENTS_PATH]["post"]
    schema = {"$ref": "#/components/schemas/SentDeployment"}
    body = {"schema": schema, "example": DEPLOYMENT}
    deployment["requestBody"] = {"required": True, "content": {errors.JSON: body}}
    deployment["responses"]["413"] = errors.reference(413)
    conflict = paths[INTEGRATED_PATH]["post"]["responses"]["409"]
    conflict["content"] = {errors.JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}


def _votes(operation: Schema) -> None:
    operation["summary"] = "Rate requests"
    operation["description"] = (
        "201: all votes are committed. 207: some are; the others are named. 400: none is. A vote "
        "joins the request it rates, which may have been stored before or will be later. With an "
        "`event_id` it is stored once, however often it is sent."
    )
    parameters = operation.get("parameters", [])
    operation["parameters"] = [rows.KEY_HEADER, rows.ENCODING_HEADER, *parameters]
    vote = {"$ref": "#/components/schemas/SentVote"}
    most = settings.INGEST_MAX_ROWS
    votes = {"type": "array", "items": vote, "minItems": 1, "maxItems": most}
    examples = {"a list": {"value": [EXAMPLE, THUMB]}, "one vote": {"value": EXAMPLE}}
    body = {"schema": {"oneOf": [votes, vote]}, "examples": examples}
    operation["requestBody"] = {"required": True, "content": {errors.JSON: body}}
    nothing = _answer("No vote is stored.", [None], [_REJECTION | {"index": 0}])
    content = nothing["content"][errors.JSON]
    error = {"$ref": "#/components/schemas/Error"}
    content["schema"] = {"oneOf": [content["schema"], error]}
    first = "c2a1b6f0-54a6-5b7e-9d43-0a4f7d1e8b11"
    operation["responses"] = {
        "201": _answer("All votes are committed.", [first], []),
        "207": _answer("Some votes are; the others are named.", [first, None], [_REJECTION]),
        "400": nothing,
    }


def _answer(description: str, ids: list[str | None], rejections: list[Schema]) -> Schema:
    stored = sum(one is not None for one in ids)
    example = {
        "stored": stored,
        "rejected": len(rejections),
        "rejections": rejections,
        "ids": ids,
    }
    schema = {"$ref": "#/components/schemas/StoredVotes"}
    return {
        "description": description,
        "headers": {"Idempotent-Replay": rows.REPLAY_HEADER},
        "content": {errors.JSON: {"schema": schema, "example": example}},
    }
