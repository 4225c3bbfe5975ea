"""What a metric row looks like on the wire, and what is wrong with one that doesn't fit."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from metrics.ingest.forms import Form, MalformedBody, Rejection

__all__ = ["FIELDS", "FIXES", "ROWS", "MalformedBody", "Refused", "Rejection", "Row"]

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Short = Annotated[str, Meta(min_length=1, max_length=50)]


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """One measurement, as a service sends it."""

    metric_name: Name
    metric_category: Literal[
        "ai_query", "ml_inference", "user_feedback", "system_health", "user_interface"
    ]
    metric_value: float
    measurement_unit: Annotated[str, Meta(max_length=20)]
    component: Short
    service_name: Short
    endpoint_path: Annotated[str, Meta(max_length=255)] | None = None
    user_id: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    client: Short | None = None
    client_id: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    request_id: Annotated[str, Meta(max_length=100)] | None = None
    query_complexity: Literal["simple", "moderate", "complex"] | None = None
    ml_models_used: Annotated[list[Name], Meta(max_length=20)] | None = None
    user_satisfaction_score: Annotated[float, Meta(ge=1, le=5)] | None = None
    timestamp: Annotated[datetime, Meta(tz=True)] | None = None
    metadata: dict[str, Any] | None = None
    success: bool = True
    event_id: UUID | None = None


class Refused(Exception):
    """A row that fits the schema but can't be stored: its field, the problem, the fix."""

    def __init__(self, field: str, problem: str, fix: str = "") -> None:
        super().__init__(problem)
        self.field, self.problem, self.fix = field, problem, fix or FIXES[field]


def check_text(field: str, text: str) -> None:
    """Raise Refused for what PostgreSQL's text can't hold."""
    if "\0" in text:
        raise Refused(field, "It holds a NUL character.", "Remove it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Refused(field, "It holds half of a surrogate pair.", "Remove it.") from error


FIXES = {
    "metric_name": "Send 1–100 characters, e.g. conversational_query_response_time.",
    "metric_category": "Send ai_query, ml_inference, user_feedback, system_health or "
    "user_interface.",
    "metric_value": "Send a finite number.",
    "measurement_unit": "Send a unit such as ms, seconds, mb, percent or count.",
    "component": "Send the code of a component, e.g. cognitive_core.",
    "service_name": "Send 1–50 characters that name the service.",
    "endpoint_path": "Send at most 255 characters.",
    "user_id": "Send the id of a user of the portal, or leave it out.",
    "client": "Send a client's code, or leave it out.",
    "client_id": "Send a client's id, or leave it out.",
    "request_id": "Send at most 100 characters.",
    "query_complexity": "Send simple, moderate or complex, or leave it out.",
    "ml_models_used": "Send a list of at most 20 model names of 1–100 characters.",
    "user_satisfaction_score": "Send a rating from 1 to 5, or leave it out.",
    "timestamp": "Send RFC 3339 with a zone, e.g. 2026-01-31T12:00:00Z.",
    "metadata": "Send an object of at most 32 KiB, or leave it out.",
    "success": "Send true or false.",
    "event_id": "Send a UUID, the same when the row is sent again, or leave it out.",
}

ROWS = Form(Row, FIXES, "row")
FIELDS = ROWS.fields
decode, decode_lines = ROWS.decode, ROWS.decode_lines
