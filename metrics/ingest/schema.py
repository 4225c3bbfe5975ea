"""What a metric row looks like on the wire, and what is wrong with one that doesn't fit."""

import difflib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

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


class Rejection(msgspec.Struct):
    """Why one row was not stored: which field, what is wrong with it, how to mend it."""

    index: int
    field: str
    problem: str
    fix: str


class Refused(Exception):
    """A row that fits the schema but can't be stored: its field, the problem, the fix."""

    def __init__(self, field: str, problem: str, fix: str = "") -> None:
        super().__init__(problem)
        self.field, self.problem, self.fix = field, problem, fix or FIXES[field]


FIELDS = tuple(field.name for field in msgspec.structs.fields(Row))

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
ROW_FIX = "Send an object with the fields of a metric row."

_ROW = msgspec.json.Decoder(Row)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_ROWS = msgspec.json.Decoder(list[Row])
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


class MalformedBody(Exception):
    """The body as a whole is not what the endpoint takes."""


Decoded = tuple[list[tuple[int, Row]], list[Rejection]]


def decode(body: bytes, most: int) -> Decoded:
    """Rows with their index in the body, and the rejections of those that don't fit.

    Raises MalformedBody for anything but one JSON object or a list of at most
    ``most``. A body without fault is decoded in one pass; only one with a
    fault is gone through row by row, to say where.
    """
    is_list = body.lstrip()[:1] == b"["
    try:
        rows = _ROWS.decode(body) if is_list else [_ROW.decode(body)]
    except msgspec.ValidationError:
        return _one_by_one(body, is_list, most)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"The body is no JSON: {error}.") from error
    _check_count(len(rows), most)
    return list(enumerate(rows)), []


def decode_lines(body: bytes, most: int) -> Decoded:
    """As ``decode``, for one JSON object a line; blank lines are skipped and not counted.

    A line that is no JSON is a rejection of its own: the others are still whole.
    """
    lines = [line for line in body.splitlines() if line.strip()]
    _check_count(len(lines), most)
    try:
        rows = [_ROW.decode(line) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _each(lines)
    return list(enumerate(rows)), []


def _one_by_one(body: bytes, is_list: bool, most: int) -> Decoded:
    try:
        # The fault found may have ended the reading early: only now is all of it looked at.
        raws = _RAWS.decode(body) if is_list else [_RAW.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"The body is no JSON: {error}.") from error
    _check_count(len(raws), most)
    return _each(raws)


def _each(raws: Sequence[bytes | msgspec.Raw]) -> Decoded:
    rows: list[tuple[int, Row]] = []
    rejections: list[Rejection] = []
    for index, raw in enumerate(raws):
        try:
            rows.append((index, _ROW.decode(raw)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            rejections.append(_explain(index, str(error)))
    return rows, rejections


def _check_count(count: int, most: int) -> None:
    if count == 0:
        raise MalformedBody("The body holds no row: send at least one.")
    if count > most:
        raise MalformedBody(f"{count} rows in one request; send at most {most}.")


def _explain(index: int, message: str) -> Rejection:
    """Turn msgspec's message into field, problem and fix."""
    problem, _, path = message.partition(" - at `$")
    if named := re.search(r"unknown field `(.*)`$", problem, re.DOTALL):
        field = named.group(1)
        near = difflib.get_close_matches(field, FIELDS, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"Leave it out; known: {', '.join(FIELDS)}."
        return Rejection(index, field or "(row)", "This field is unknown.", fix)
    if named := re.search(r"missing required field `(.*)`$", problem):
        field = named.group(1)
        return Rejection(index, field, "This required field is missing.", FIXES[field])
    field = re.match(r"\.?(\w*)", path).group(1)  # type: ignore[union-attr]  # always matches
    problem = problem.replace("`", "")
    return Rejection(index, field or "(row)", f"{problem}.", FIXES.get(field, ROW_FIX))
