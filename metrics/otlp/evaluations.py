"""PURE: log records that are evaluations, as rows or as votes.

Source: OpenTelemetry's GenAI conventions, event ``gen_ai.evaluation.result``. They
have no event for votes: a vote is an evaluation named ``user_feedback``.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from metrics.feedback import BY_THUMB, STARS, THUMBS
from metrics.ingest.schema import Refused, Row
from metrics.models.feedback import MAX_COMMENT
from metrics.otlp.attributes import plain
from metrics.otlp.mapping import Mapping, Meaning, Unmapped
from metrics.otlp.traces import MAX_MODEL, SPAN_ID_BYTES, TRACE_ID_BYTES
from metrics.units import Unit

EVENT, EVENT_NAME = "gen_ai.evaluation.result", "event.name"
VOTE = "user_feedback"
PREFIX: Final = "gen_ai.evaluation."
CATEGORY: Final = "ml_inference"
NOT_MAPPED = "log_not_mapped"
UNIT = Unit.SCORE.value
MAX_METRIC = 100  # the column's width

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_THUMBS = {
    **dict.fromkeys(("up", "thumbup", "thumbsup", "like", "👍"), "up"),
    **dict.fromkeys(("down", "thumbdown", "thumbsdown", "dislike", "👎"), "down"),
}
_NO_SEPARATORS = str.maketrans("", "", " -_")


@dataclass(frozen=True)
class Ballot:
    """A vote as it came: for which client, and on which of the two names, is not decided yet."""

    client: str | None  # its code
    trace_id: str
    response_id: str
    rating: float
    scale: str
    comment: str
    submitted_at: datetime
    event_id: UUID


@dataclass(frozen=True)
class _Evaluation:
    """What the event says; ids are hexadecimal, and empty where there is none."""

    name: str
    at: datetime
    score: float | None
    label: str
    comment: str
    trace_id: str
    span_id: str
    response_id: str
    event_id: UUID


def read(
    record: Any, resource: dict[str, Any], names: Mapping, unit_of: dict[str, str]
) -> Row | Ballot:
    """One log record as a row or a vote; ``unit_of`` has the units of the metrics that are defined.

    Raises Unmapped for any other record, and Refused for a faulty evaluation.
    """
    event = _event(record)
    if (event or record.body.string_value) != EVENT:
        # Never the body: what it says is not ours to keep.
        service = names.text(Meaning.SERVICE, resource) or "an unnamed service"
        what = f"event “{event}”" if event else "a log record"
        raise Unmapped(NOT_MAPPED, f"{what} of {service}")
    attributes = {**resource, **_attributes(record, names)}
    told = _evaluation(record, attributes, names)
    if told.name == VOTE:
        return _ballot(told, names.text(Meaning.CLIENT, attributes))
    return _row(told, attributes, names, unit_of)


def _event(record: Any) -> str:
    """The event's name; empty for a plain log record."""
    if record.event_name:
        return str(record.event_name)
    for pair in record.attributes:
        if pair.key == EVENT_NAME:
            return str(pair.value.string_value)
    return ""


def _attributes(record: Any, names: Mapping) -> dict[str, Any]:
    """The record's; the first events had them in their body."""
    in_body = plain(record.body.kvlist_value.values, names.wanted)
    return {**in_body, **plain(record.attributes, names.wanted)}


def _evaluation(record: Any, attributes: dict[str, Any], names: Mapping) -> _Evaluation:
    name = names.text(Meaning.EVALUATION, attributes)
    if name is None:
        raise Refused("gen_ai.evaluation.name", "The evaluation has no name.", "Send its name.")
    nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
    if not nanoseconds:
        raise Refused("time_unix_nano", "The record has no time.", "Send its time.")
    score = _score(names.value(Meaning.SCORE, attributes))
    texts = {
        "label": names.text(Meaning.LABEL, attributes) or "",
        "comment": names.text(Meaning.COMMENT, attributes) or "",
        "trace_id": _id(record.trace_id, TRACE_ID_BYTES),
        "span_id": _id(record.span_id, SPAN_ID_BYTES),
        "response_id": names.text(Meaning.RESPONSE_ID, attributes) or "",
    }
    at = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    event_id = _identity(name, nanoseconds, repr(score), *texts.values())
    return _Evaluation(name=name, at=at, score=score, event_id=event_id, **texts)


def _ballot(told: _Evaluation, client: str | None) -> Ballot:
    """A label that names a thumb counts; else the score, as stars."""
    thumb = _THUMBS.get(told.label.lower().translate(_NO_SEPARATORS))
    rating = told.score if thumb is None else BY_THUMB[thumb]
    if rating is None:
        problem = "The vote has neither a score nor a label that names a thumb."
        raise Refused(
            "gen_ai.evaluation.score.value", problem, "Send 1–5, or the label up or down."
        )
    if not told.trace_id and not told.response_id:
        problem = "The vote names no request."
        raise Refused("trace_id", problem, "Send the request's trace id or gen_ai.response.id.")
    return Ballot(
        client=client,
        trace_id=told.trace_id,
        response_id=told.response_id,
        rating=rating,
        scale=STARS if thumb is None else THUMBS,
        comment=told.comment[:MAX_COMMENT],
        submitted_at=told.at,
        event_id=told.event_id,
    )


def _row(
    told: _Evaluation, attributes: dict[str, Any], names: Mapping, unit_of: dict[str, str]
) -> Row:
    decision = names.decide(attributes)
    source = names.source(attributes, decision)
    if told.score is None:
        raise Refused("gen_ai.evaluation.score.value", "The evaluation has no score.", "Send it.")
    metric = (PREFIX + told.name)[:MAX_METRIC]
    model = names.text(Meaning.MODEL, attributes)
    return Row(
        metric_name=metric,
        metric_category=CATEGORY,
        metric_value=told.score,
        # Evaluators' scales differ: a metric that is defined says its own.
        measurement_unit=unit_of.get(metric, UNIT),
        component=source.component,
        service_name=source.service_name,
        client=source.client,
        request_id=told.trace_id or None,
        query_complexity=decision.query_complexity or None,  # type: ignore[arg-type]  # the rules' choices are the schema's
        ml_models_used=[model[:MAX_MODEL]] if model else None,
        timestamp=told.at,
        metadata=_kept(told),
        event_id=told.event_id,
    )


def _kept(told: _Evaluation) -> dict[str, Any]:
    kept = {
        "evaluation": told.name,
        "label": told.label,
        "explanation": told.comment[:MAX_COMMENT],
        "span_id": told.span_id,
        "response_id": told.response_id,
    }
    return {name: text for name, text in kept.items() if text}


def _score(found: Any) -> float | None:
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        problem = f"It is no number but {type(found).__name__}."
        raise Refused("gen_ai.evaluation.score.value", problem, "Send a number.")
    return float(found)


def _id(given: bytes, length: int) -> str:
    """As the protocol asks: one of another length, or all zeros, is none."""
    return given.hex() if len(given) == length and any(given) else ""


def _identity(*content: Any) -> UUID:
    """The same for an evaluation that is sent again, whoever sends it."""
    digest = hashlib.blake2b(msgspec.json.encode(content), digest_size=16).digest()
    return UUID(bytes=digest)
