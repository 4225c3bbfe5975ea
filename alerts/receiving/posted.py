"""What ``POST /api/v2/alerts`` takes, decoded. Source: Alertmanager API v2, ``postableAlerts``."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from accounts.models import ApiKey
from metrics.ingest.forms import Form, Rejection

MOST, MOST_LABELS = 1_000, 64
LONGEST_NAME, LONGEST_VALUE, LONGEST_NOTE = 255, 1_024, 8_192
# What Go's JSON writes for "no time".
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


class Posted(msgspec.Struct, rename="camel"):
    """An alert as it is on the wire; other fields are left out, as Alertmanager does."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")


POSTED = Form(
    Posted,
    {
        "labels": 'Send an object of texts with at least one: {"alertname": "HighLatency"}.',
        "annotations": "Send an object of texts.",
        "startsAt": "Send RFC 3339 with a time zone, e.g. 2026-03-04T12:00:00Z.",
        "endsAt": "Send RFC 3339 with a time zone, e.g. 2026-03-04T12:00:00Z.",
        "generatorURL": "Send a text.",
    },
    "alert",
)


@dataclass(frozen=True)
class Told:
    """One alert of a request, checked: whether it fires, and until when if it isn't told again."""

    labels: dict[str, str]
    annotations: dict[str, str]
    generator_url: str
    starts_at: datetime
    ends_at: datetime
    resolved: bool
    key: ApiKey


def decode(
    body: bytes, key: ApiKey, now: datetime, timeout: timedelta
) -> tuple[list[Told], list[Rejection]]:
    """The alerts of a body, and the rejections of those that can't be taken.

    One that names no end is over after ``timeout`` unless it is told again.
    Raises forms.MalformedBody for what is no JSON object or list of them.
    """
    found, rejections = POSTED.decode(body, MOST)
    told: list[Told] = []
    for index, one in found:
        refused = _refusal(index, one)
        if refused:
            rejections.append(refused)
            continue
        starts_at, ends_at = _time(one.starts_at) or now, _time(one.ends_at)
        resolved = ends_at is not None and ends_at <= now
        labels = {name: value for name, value in one.labels.items() if value}
        told.append(
            Told(
                labels,
                one.annotations,
                one.generator_url[:LONGEST_NOTE],
                starts_at,
                ends_at or now + timeout,
                resolved,
                key,
            )
        )
    return told, sorted(rejections, key=lambda one: one.index)


def _refusal(index: int, one: Posted) -> Rejection | None:
    if not any(one.labels.values()):
        return Rejection(index, "labels", "It has no label with a value.", POSTED.fixes["labels"])
    if len(one.labels) > MOST_LABELS or len(one.annotations) > MOST_LABELS:
        text = f"More than {MOST_LABELS} labels or annotations."
        return Rejection(index, "labels", text, "Drop some by relabelling.")
    for field, pairs, most in (
        ("labels", one.labels, LONGEST_VALUE),
        ("annotations", one.annotations, LONGEST_NOTE),
    ):
        for name, value in pairs.items():
            if len(name) > LONGEST_NAME or len(value) > most:
                text = f"{name[:40]} is longer than {most} characters."
                return Rejection(index, field, text, "Shorten it.")
            if "\0" in name or "\0" in value:
                text = f"{name[:40]!r} holds a NUL character."
                return Rejection(index, field, text, "Leave it out: PostgreSQL can't store it.")
    if any(at is not None and at.tzinfo is None for at in (one.starts_at, one.ends_at)):
        text = "A time has no time zone."
        return Rejection(index, "startsAt", text, POSTED.fixes["startsAt"])
    return None


def _time(at: datetime | None) -> datetime | None:
    return None if at is None or at <= _NO_TIME else at
