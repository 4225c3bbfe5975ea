"""SLIs, counted again from events in plain Python: SQL is held to it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from slas.models import SliDay, SliHour, SliMinute, SloVersion
from slas.objectives import Kind
from tests.slas.events import Event

Minute = tuple[int, int, datetime]  # client, objective, when
Counted = tuple[int, int, float, float]  # good, total, sum, largest


def once(events: Iterable[Event]) -> list[Event]:
    """Without repeats."""
    found: dict[Any, Event] = {}
    for number, event in enumerate(events):
        same = (event.client_id, event.at, event.metric, event.event_id)
        found.setdefault(same if event.event_id else number, event)
    return list(found.values())


def minutes(events: Iterable[Event], versions: Iterable[SloVersion]) -> dict[Minute, Counted]:
    """What each objective counts in each minute, by the definitions."""
    held = list(versions)
    judged: dict[Minute, list[tuple[bool, float]]] = defaultdict(list)
    for event in once(events):
        at = event.at.replace(second=0, microsecond=0)
        for version in held:
            value = _value(version, event)
            if value is not None and _holds(version, event.client_id, at, held):
                key = (event.client_id, version.slo_id, at)
                judged[key].append((_good(version, event, value), value))
    return {key: _counted(several) for key, several in judged.items()}


def hours(counted: dict[Minute, Counted]) -> dict[Minute, Counted]:
    """The minutes of each hour, summed up."""
    return _summed(counted, minute=0)


def days(counted: dict[Minute, Counted]) -> dict[Minute, Counted]:
    """The minutes of each day of UTC, summed up."""
    return _summed(counted, minute=0, hour=0)


def _summed(counted: dict[Minute, Counted], **start: int) -> dict[Minute, Counted]:
    found: dict[Minute, Counted] = {}
    for (client, slo, minute), (good, total, summed, largest) in counted.items():
        key = (client, slo, minute.replace(**start))
        a, b, c, d = found.get(key, (0, 0, 0.0, largest))
        found[key] = (a + good, b + total, round(c + summed, 6), max(d, largest))
    return found


def stored_minutes() -> dict[Minute, Counted]:
    """What SQL counted."""
    return {(one.client_id, one.slo_id, one.minute): _of(one) for one in SliMinute.objects.all()}


def stored_hours() -> dict[Minute, Counted]:
    """What SQL summed up."""
    return {(one.client_id, one.slo_id, one.hour): _of(one) for one in SliHour.objects.all()}


def stored_days() -> dict[Minute, Counted]:
    """What SQL summed up by day."""
    return {(one.client_id, one.slo_id, one.day): _of(one) for one in SliDay.objects.all()}


def _of(one: SliMinute | SliHour | SliDay) -> Counted:
    return one.good, one.total, round(one.value_sum, 6), one.value_max


def _counted(several: list[tuple[bool, float]]) -> Counted:
    values = [value for _, value in several]
    return sum(good for good, _ in several), len(values), round(sum(values), 6), max(values)


def _in_force(version: SloVersion, at: datetime) -> bool:
    return version.valid_from <= at and (version.valid_until is None or at < version.valid_until)


def _holds(version: SloVersion, client_id: int, at: datetime, versions: list[SloVersion]) -> bool:
    """In force for the client, who has no version of its own then in place of a default one."""
    if not _in_force(version, at) or version.slo.client_id not in {None, client_id}:
        return False
    own = (
        one
        for one in versions
        if one.slo.client_id == client_id and one.slo.base == version.slo.base
    )
    return version.slo.client_id is not None or not any(_in_force(one, at) for one in own)


def _value(version: SloVersion, event: Event) -> float | None:
    """What of the event the version judges; None: it isn't one of its events."""
    if version.metric_name not in {event.metric, ""} or version.component != "cognitive_core":
        return None
    if version.query_complexity not in {"", event.complexity}:
        return None
    if version.model and version.model not in event.models:
        return None
    if version.kind == Kind.SATISFACTION:
        return event.stars
    return event.value if version.unit == "ms" and version.metric_name else None


def _good(version: SloVersion, event: Event, value: float) -> bool:
    if version.kind == Kind.SATISFACTION:
        return value >= version.threshold
    if version.kind == Kind.LIMIT:
        return value <= version.threshold
    return event.success and value <= version.good_within
