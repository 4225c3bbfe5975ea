"""Rows → SLI minutes → hours → days: good and total per objective, counted from the rows.

The roll-up marks which minutes changed (metrics.ChangedMinute). Those marks
are claimed an hour of one client at a time, the minutes are counted anew from
the rows, against the version in force at each minute, and replace what was
there. So late rows, repeats, new versions and crashes need no special case.
Hours and days (of UTC) are summed up in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import PLATFORM, Client
from metrics import commits, longer, rollups
from slas import sli_sql
from slas.models import SliDay, SliHour, SliMinute

HOURS = 50
# Held by slas.versions.sync alone, by counts together: a minute counted by the versions before a
# change is marked again by it, and one counted after it is counted by the new ones.
VERSIONS_LOCK = 0x534C4F56
MINUTE = timedelta(minutes=1)


class Part(NamedTuple):
    """A minute of one client, or a part of it: 0 its very start, 1 up to the cut, 2 after it."""

    client_id: int
    minute: datetime
    part: int
    good: int
    total: int
    value_sum: float
    value_max: float
    latest: float  # of the judged values
    given_up: int  # calls given up at the threshold or later


@dataclass
class Changes:
    """What counting came to."""

    # The clients and objectives of which anything changed.
    pairs: set[tuple[int, int]] = field(default_factory=set)
    # Whether something was left to another, who counts the same day.
    left: bool = False


def count(hours: int = HOURS, changes: Changes | None = None) -> int:
    """Count what changed in up to ``hours`` hours of a client, newest first; return how many.

    What that changed is added to ``changes``.

    The advisory lock comes before the rows are read, as in the roll-up. Who
    counts holds a client's whole day, since the day is summed up as well.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        commits.need_not_wait()
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [VERSIONS_LOCK])
        cursor.execute(sli_sql.CLAIMABLE, [hours])
        due: list[tuple[Any, ...]] = cursor.fetchall()
        claimed = [(client, hour) for client, hour, locked in due if locked]
        if changes is not None:
            changes.left = len(claimed) < len(due)
        if not claimed:
            return 0
        cursor.execute(sli_sql.CLAIM, [list(column) for column in zip(*claimed, strict=True)])
        now = timezone.now()
        # Where minutes are gone, one that is counted anew would stand for its whole hour.
        oldest = max(kept_since(now), rollups.kept_since(now))
        marks = [mark for mark in cursor.fetchall() if mark[2] >= oldest]
        found = _recount(cursor, marks) if marks else set()
    if changes is not None:
        changes.pairs |= found
    return len(claimed)


def count_all(most: int = 1000, changes: Changes | None = None) -> int:
    """Count batch after batch until nothing is left, at most ``most`` times; as ``count``."""
    done = 0
    for _ in range(most):
        counted = count(changes=changes)
        done += counted
        if not counted:
            break
    return done


def kept_since(now: datetime) -> datetime:
    """From when on all rows are surely there: counting an older minute anew would lose events."""
    oldest = now - timedelta(days=settings.ROW_RETENTION_DAYS)
    return oldest.replace(hour=0, minute=0, second=0, microsecond=0)


def count_again(since: datetime, metric_names: list[str], client_id: int | None = None) -> None:
    """Mark every rolled-up minute of the metrics from ``since`` on ("" names all of them)."""
    with connection.cursor() as cursor:
        cursor.execute(sli_sql.RECOUNT, [since, client_id, client_id, metric_names, metric_names])


def counted(
    numbers: Mapping[str, Any],
    client_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    cut: timedelta = MINUTE,
    most: int = 500_000,
) -> list[Part]:
    """What any numbers (versions.numbers) count from the rows of [start, end); stores nothing.

    At most ``most`` parts, in the order of clients and time. ``cut`` is where
    in its minute a window begins.
    """
    values = {name: numbers[name] for name in sli_sql.ASKED}
    values |= {
        "clients": list(client_ids),
        "first": start,
        "last": end,
        "cut": cut,
        "most": most,
        "platform": Client.objects.values_list("pk", flat=True).get(code=PLATFORM),
    }
    with connection.cursor() as cursor:
        cursor.execute(sli_sql.PARTS, values)
        return [Part(*row) for row in cursor.fetchall()]


def forget_old(now: datetime) -> int:
    """Delete SLIs past their retention, whole days at once; return how many minutes went."""
    hours = longer.kept_since(now)
    SliDay.objects.filter(day__lt=hours).delete()
    SliHour.objects.filter(hour__lt=hours).delete()
    return SliMinute.objects.filter(minute__lt=rollups.forgotten_until(now)).delete()[0]


def _recount(cursor: Any, marks: list[tuple[Any, ...]]) -> set[tuple[int, int]]:
    """Count the marked minutes anew; for which clients and objectives that changed anything.

    A metric's mark concerns whatever looks at the metric, of any component: most of it stays as
    it was, and so do the hours and days.
    """
    clients, names, minutes = (list(column) for column in zip(*marks, strict=True))
    values = {
        "clients": clients,
        "names": names,
        "minutes": minutes,
        "first": min(minutes),
        "last": max(minutes) + timedelta(minutes=1),
        "platform": Client.objects.values_list("pk", flat=True).get(code=PLATFORM),
    }
    # The planner, who can't know how many rows were picked, would compare each with each.
    cursor.execute("SET LOCAL enable_nestloop = off")
    cursor.execute(sli_sql.COUNT, values)
    changed = cursor.fetchall()
    cursor.execute("SET LOCAL enable_nestloop = on")
    if changed:
        hours = [list(column) for column in zip(*changed, strict=True)]
        cursor.execute(sli_sql.HOURS, hours)
        cursor.execute(sli_sql.DAYS, hours)
    return {(client, slo) for client, slo, _hour in changed}
