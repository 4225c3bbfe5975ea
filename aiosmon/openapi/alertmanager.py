"""The address that stands where an Alertmanager would, described from its face."""

from typing import Any

from aiosmon.openapi import rows
from aiosmon.openapi.errors import reference
from aiosmon.openapi.schema import BEARER, HEADER

Schema = dict[str, Any]
PATH = "/api/v2/alerts"
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_TIME: Schema = {"type": "string", "format": "date-time"}
ALERT: Schema = {
    "type": "object",
    "description": "An alert as Prometheus sends it.",
    "required": ["labels"],
    "properties": {
        "labels": {
            **_TEXTS,
            "description": "What it is: the same labels are the same alert. Known here: client, "
            "component, severity, model.",
        },
        "annotations": {
            **_TEXTS,
            "description": "What is said of it: summary, description, runbook_url, value, "
            "threshold.",
        },
        "startsAt": _TIME,
        "endsAt": {**_TIME, "description": "In the past: it is over."},
        "generatorURL": {"type": "string"},
    },
}
_TAKEN: Schema = {
    "type": "object",
    "properties": {
        "stored": {"type": "integer"},
        "rejected": {"type": "integer"},
        "rejections": {"type": "array", "items": {"$ref": "#/components/schemas/Rejection"}},
    },
}
_ERRORS = (401, 403, 413, 415, 429, 503)


def add(result: Schema) -> None:
    """Add the operation and its body."""
    result["components"]["schemas"]["PostableAlert"] = ALERT
    alerts = {"type": "array", "items": {"$ref": "#/components/schemas/PostableAlert"}}
    responses = {
        "200": _answer("All are taken, and committed."),
        "207": _answer("Some are taken and committed; the others are named."),
        "400": _answer("None is taken: the body is no list of alerts, or each has a fault."),
        **{str(status): reference(status) for status in _ERRORS},
    }
    result["paths"][PATH] = {
        "post": {
            "operationId": "alertmanager_send",
            "tags": ["alerts"],
            "summary": "Alerts of another system, as an Alertmanager takes them",
            "description": "Scope *Send alerts*. Sent again, an alert stays open; one that is not "
            "sent again until its endsAt is resolved.",
            "security": [{BEARER: []}, {HEADER: []}],
            "parameters": [rows.ENCODING_HEADER],
            "requestBody": {"required": True, "content": {"application/json": {"schema": alerts}}},
            "responses": responses,
        }
    }


def _answer(description: str) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": _TAKEN}}}
