"""What the schema alone can't tell about a row: names, clients, times, units."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.conf import settings

from accounts.models import User
from metrics.ingest import reference
from metrics.ingest.reference import UNITS, Reference
from metrics.ingest.schema import FIXES, Rejection, Row

MAX_METADATA_BYTES = 32 * 1024
# A sum over a minute's rows must stay finite: PostgreSQL fails the roll-up of one that doesn't.
MAX_VALUE = 1e100
# An escaped NUL; after a backslash that is itself escaped it is six harmless characters.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True)
class Limits:
    """The span of time that is accepted; ``now`` is injected."""

    now: datetime
    oldest: datetime
    newest: datetime

    @classmethod
    def at(cls, now: datetime) -> "Limits":
        """The limits that hold at ``now``."""
        # One day less than retention: the oldest partition may go at any moment.
        oldest = now - timedelta(days=settings.ROW_RETENTION_DAYS)
        return cls(now, oldest, now + timedelta(seconds=settings.INGEST_MAX_AHEAD_SECONDS))


class Refused(Exception):
    """A row that fits the schema but not the portal; args are field, problem, fix."""

    def __init__(self, field: str, problem: str, fix: str = "") -> None:
        super().__init__(problem)
        self.field, self.problem, self.fix = field, problem, fix or FIXES[field]


def validate(
    rows: Iterable[tuple[int, Row]], key_client_id: int | None, limits: Limits
) -> tuple[list[Row], list[Rejection]]:
    """Fill in each row's client and time; sort out the rows that can't be stored.

    ``key_client_id`` is the only client the key may report for; None: any.
    """
    good: list[tuple[int, Row]] = []
    rejections: list[Rejection] = []
    ref = reference.current()
    for index, row in rows:
        try:
            try:
                _check(row, key_client_id, limits, ref)
            except Refused:
                # Perhaps it names something made since the reference was read.
                ref = reference.refreshed()
                _check(row, key_client_id, limits, ref)
        except Refused as refused:
            rejections.append(Rejection(index, refused.field, refused.problem, refused.fix))
        else:
            good.append((index, row))
    return _known_users(good, rejections)


def _check(row: Row, key_client_id: int | None, limits: Limits, ref: Reference) -> None:
    if not abs(row.metric_value) <= MAX_VALUE:
        raise Refused("metric_value", f"This is further from 0 than {MAX_VALUE:g}.")
    if row.component not in ref.components:
        known = ", ".join(sorted(ref.components))
        raise Refused(
            "component", f"Unknown component “{row.component}”.", f"Send one of: {known}."
        )
    _check_unit(row, ref)
    row.client_id = _client_id(row, key_client_id, ref)
    _check_time(row, limits)
    check_text(row)


def _check_unit(row: Row, ref: Reference) -> None:
    if row.measurement_unit not in UNITS:
        raise Refused(
            "measurement_unit",
            f"Unknown unit “{row.measurement_unit}”.",
            f"Send one of: {', '.join(sorted(UNITS))}.",
        )
    unit = ref.units.get(row.metric_name)
    if unit is not None and unit != row.measurement_unit:
        raise Refused(
            "measurement_unit",
            f"{row.metric_name} is measured in {unit}, not in {row.measurement_unit}.",
            f"Convert the value to {unit}.",
        )


def _client_id(row: Row, key_client_id: int | None, ref: Reference) -> int:
    if row.client is not None:
        named = ref.ids.get(row.client)
        if named is None:
            raise Refused("client", f"Unknown client “{row.client}”.")
        if row.client_id not in {None, named}:
            raise Refused("client_id", f"client “{row.client}” has the id {named}.", "Send one.")
    else:
        named = row.client_id or key_client_id or ref.platform_id
    if key_client_id is not None and named != key_client_id:
        field = "client" if row.client is not None else "client_id"
        raise Refused(field, "This API key may not report for this client.", "Leave it out.")
    if named not in ref.active:
        raise Refused("client_id", f"Client {named} is unknown or inactive.")
    return named


def _check_time(row: Row, limits: Limits) -> None:
    if row.timestamp is None:
        row.timestamp = limits.now
    elif row.timestamp > limits.newest:
        ahead = settings.INGEST_MAX_AHEAD_SECONDS
        raise Refused(
            "timestamp",
            f"This is more than {ahead} s ahead of the portal's clock.",
            "Set the clock.",
        )
    elif row.timestamp < limits.oldest:
        days = settings.ROW_RETENTION_DAYS
        raise Refused(
            "timestamp", f"This is older than the {days} days that rows are kept.", "Leave it out."
        )


def check_text(row: Row) -> None:
    """Raise Refused for text or JSON that PostgreSQL can't store, or that is too large."""
    for field in ("metric_name", "service_name", "endpoint_path", "request_id"):
        if "\0" in (getattr(row, field) or ""):
            raise Refused(field, "It holds a NUL character.", "Remove it.")
    for field in ("ml_models_used", "metadata"):
        value = getattr(row, field)
        if value is None:
            continue
        try:
            encoded = msgspec.json.encode(value)
        except (OverflowError, RecursionError, UnicodeEncodeError) as error:
            raise Refused(field, f"It can't be stored: {error}.") from error
        if _NUL.search(encoded):
            raise Refused(field, "It holds a NUL character.", "Remove it.")
        if len(encoded) > MAX_METADATA_BYTES:
            raise Refused(field, f"It has {len(encoded)} bytes.")


def _known_users(
    good: list[tuple[int, Row]], rejections: list[Rejection]
) -> tuple[list[Row], list[Rejection]]:
    asked = {row.user_id for _index, row in good if row.user_id is not None}
    if asked:
        known = set(User.objects.filter(pk__in=asked).values_list("pk", flat=True))
        for index, row in good:
            if row.user_id is not None and row.user_id not in known:
                problem = f"There is no user {row.user_id}."
                rejections.append(Rejection(index, "user_id", problem, FIXES["user_id"]))
        good = [(i, row) for i, row in good if row.user_id is None or row.user_id in known]
    return [row for _index, row in good], sorted(rejections, key=lambda r: r.index)
