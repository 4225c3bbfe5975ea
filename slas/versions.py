"""Objectives over time: what was promised when.

Each objective (slas.objectives) has an Slo and, for each set of numbers that it
was ever promised with, an SloVersion. A minute is judged by the version in
force at its start; so a new version begins with the next whole minute.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from slas import objectives
from slas.models import Slo, SloVersion
from slas.objectives import Objective

EVER = datetime(1970, 1, 1, tzinfo=UTC)
# The reason of a version that nobody made in the admin.
FIRST, FOUND_CHANGED = "First promised.", "Changed outside the admin."
MINUTE = timedelta(minutes=1)
# Syncs are rare and short: one at a time.
_LOCK = 0x534C4F56


def numbers(objective: Objective) -> dict[str, Any]:
    """What makes a version: everything of the objective that its SLI or verdict depends on."""
    return {
        "kind": objective.kind.value,
        "metric_name": objective.metric_name,
        "component": objective.component,
        "unit": str(objective.unit),
        "query_complexity": objective.query_complexity,
        "model": objective.model,
        "threshold": objective.threshold,
        "good_within": objective.good_within,
        "share": objective.share,
        "minimum": objective.minimum,
        "window_seconds": int(objective.window.total_seconds()),
        "aggregate": str(objective.aggregate),
        "include_synthetic": objective.include_synthetic,
    }


def sync(now: datetime, *, reason: str = "", by: User | None = None) -> int:
    """Bring the versions in line with what is promised now; return how many began or ended.

    Repeatable and safe at once from several processes: who comes second finds nothing to do.
    """
    wanted = {objective.key: numbers(objective) for objective in objectives.enabled()}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        in_force = {
            version.slo.base: version
            for version in SloVersion.objects.filter(
                valid_until=None, slo__client=None
            ).select_related("slo")
        }
        ended = [version for base, version in in_force.items() if base not in wanted]
        changed = {
            base: found
            for base, found in wanted.items()
            if base not in in_force or not _same(in_force[base], found)
        }
        _end(ended, now)
        for base, found in changed.items():
            _begin(base, in_force.get(base), found, now, reason, by)
    return len(ended) + len(changed)


def in_force(at: datetime) -> list[SloVersion]:
    """The versions by which a minute that begins at ``at`` is judged."""
    return list(
        SloVersion.objects.filter(valid_from__lte=at)
        .exclude(valid_until__lte=at)
        .select_related("slo")
        .order_by("slo_id")
    )


def _same(version: SloVersion, found: dict[str, Any]) -> bool:
    return all(getattr(version, name) == value for name, value in found.items())


def _end(versions: Iterable[SloVersion], now: datetime) -> None:
    for version in versions:
        _close(version, _next_minute(now))


def _begin(
    base: str,
    current: SloVersion | None,
    found: dict[str, Any],
    now: datetime,
    reason: str,
    by: User | None,
) -> None:
    """Begin a version with the next minute; the first of an objective holds from ever."""
    slo, _made = Slo.objects.get_or_create(base=base, client=None)
    last = slo.versions.order_by("-number").first()
    start = _next_minute(now) if last else EVER
    if current is not None:
        if current.valid_from >= start:
            # Changed twice within a minute: the first change never judged anything.
            SloVersion.objects.filter(pk=current.pk).update(**found, reason=reason or FOUND_CHANGED)
            return
        _close(current, start)
    SloVersion.objects.create(
        slo=slo,
        number=last.number + 1 if last else 1,
        valid_from=start,
        reason=reason or (FOUND_CHANGED if last else FIRST),
        changed_by=by,
        **found,
    )


def _close(version: SloVersion, at: datetime) -> None:
    """End it; one that would not have begun before that never held, and goes."""
    if version.valid_from >= at:
        version.delete()
        return
    SloVersion.objects.filter(pk=version.pk).update(valid_until=at)


def _next_minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) + MINUTE
