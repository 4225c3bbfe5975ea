"""What the schema alone can't tell about a row: names, clients, times, units."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import User
from metrics.ingest import reference
from metrics.ingest.binary import encode
from metrics.ingest.reference import UNITS, Reference
from metrics.ingest.schema import Refused, Rejection, Row
from metrics.ingest.store import Batch

TIME_UNITS = frozenset({"ms", "seconds"})
# A sum over a minute's rows must stay finite: PostgreSQL fails the roll-up of one that doesn't.
MAX_VALUE = 1e100


@dataclass(frozen=True)
class Limits:
    """The span of time that is accepted; ``now`` is injected."""

    now: datetime
    oldest: datetime
    newest: datetime

    @classmethod
    def at(cls, now: datetime) -> "Limits":
        """The limits that hold at ``now``."""
        oldest = now - timedelta(days=settings.ROW_RETENTION_DAYS)
        return cls(now, oldest, now + timedelta(seconds=settings.INGEST_MAX_AHEAD_SECONDS))


def prepare(
    rows: Iterable[tuple[int, Row]], key_client_id: int | None, limits: Limits
) -> tuple[Batch, list[Rejection]]:
    """Rows of a body → what can be stored, and why the others can't.

    ``key_client_id`` is the only client the key may report for; None: any.
    """
    rows = list(rows)
    unknown = _unknown_users(rows)
    batch, rejections = Batch(), []
    ref = reference.current()
    for index, row in rows:
        try:
            try:
                _check(row, key_client_id, limits, ref)
            except Refused:
                # Perhaps it names something made since the reference was read.
                ref = reference.refreshed()
                _check(row, key_client_id, limits, ref)
            _check_user(row, unknown)
            batch.add(row, encode(row, synthetic=False))
        except Refused as refused:
            rejections.append(Rejection(index, refused.field, refused.problem, refused.fix))
    return batch, rejections


def _check(row: Row, key_client_id: int | None, limits: Limits, ref: Reference) -> None:
    if not abs(row.metric_value) <= MAX_VALUE:
        raise Refused("metric_value", f"This is further from 0 than {MAX_VALUE:g}.")
    if row.metric_value < 0 and row.measurement_unit in TIME_UNITS:
        raise Refused("metric_value", "A length of time can't be negative.")
    names = (row.component, row.metric_name, row.measurement_unit)
    if names not in ref.checked:
        _check_component(row, ref)
        _check_unit(row, ref)
        ref.remember(names)
    row.client_id = owner(row.client, row.client_id, key_client_id, ref)
    if row.timestamp is None or not limits.oldest <= row.timestamp <= limits.newest:
        _check_time(row, limits)


def _check_component(row: Row, ref: Reference) -> None:
    if row.component not in ref.components:
        known = ", ".join(sorted(ref.components))
        raise Refused(
            "component", f"Unknown component “{row.component}”.", f"Send one of: {known}."
        )


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


def owner(
    client: str | None, client_id: int | None, key_client_id: int | None, ref: Reference
) -> int:
    """The id of the client that a row belongs to: the key's, the named one, or the platform.

    Raises Refused for an unknown or inactive one, and for another's than the key's.
    """
    if key_client_id is not None:
        _check_own(client, client_id, key_client_id, ref)
        return key_client_id
    named = client_id
    if client is not None:
        named = ref.ids.get(client)
        if named is None:
            raise Refused("client", f"Unknown client “{client}”.")
        if client_id not in {None, named}:
            raise Refused("client_id", f"client “{client}” has the id {named}.", "Send one.")
    named = named or ref.platform_id
    if named not in ref.active:
        raise Refused("client_id", f"Client {named} is unknown or inactive.")
    return named


def _check_own(
    client: str | None, client_id: int | None, key_client_id: int, ref: Reference
) -> None:
    """One answer for another's client and for none: a key must not learn who else is here."""
    named = {"client": client and ref.ids.get(client, -1), "client_id": client_id}
    for field, value in named.items():
        if value is not None and value != key_client_id:
            raise Refused(field, "This API key may not report for this client.", "Leave it out.")
    if key_client_id not in ref.active:
        raise Refused("client_id", f"Client {key_client_id} is inactive.")


def _check_time(row: Row, limits: Limits) -> None:
    if row.timestamp is None:
        if row.event_id is not None:
            # A repeat is recognised by both: a time of ours would differ from the first one's.
            raise Refused("timestamp", "A row with an event_id needs its timestamp.")
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


def _check_user(row: Row, unknown: set[int]) -> None:
    if row.user_id is not None and row.user_id in unknown:
        raise Refused("user_id", f"There is no user {row.user_id}.")


def _unknown_users(rows: list[tuple[int, Row]]) -> set[int]:
    """The users that rows name and that do not exist: one query, and only when any is named."""
    asked = {row.user_id for _index, row in rows if row.user_id is not None}
    if not asked:
        return set()
    return asked - set(User.objects.filter(pk__in=asked).values_list("pk", flat=True))
