"""Daily partitions of the metric rows: made ahead, dropped after retention.

A row for which no partition exists goes to the default partition, so nothing
is refused for want of upkeep; the next upkeep moves it to its own day.
"""

import re
from datetime import date, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

TABLE = "ai_performance_metrics"
DEFAULT = f"{TABLE}_default"
DAYS_AHEAD = 3
# One upkeep at a time: two that create the same partition would fail one another.
LOCK = 0x41494F53


def maintain(today: date | None = None) -> dict[str, list[str]]:
    """Make the partitions from the oldest kept day to DAYS_AHEAD, drop older ones.

    Returns the names of the partitions made and dropped. Repeatable; with a
    second upkeep under way it does nothing.
    """
    today = today or timezone.now().date()
    oldest = today - timedelta(days=settings.ROW_RETENTION_DAYS)
    wanted = [oldest + timedelta(days=n) for n in range((today - oldest).days + DAYS_AHEAD + 1)]
    done: dict[str, list[str]] = {"made": [], "dropped": []}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return done
        present = existing()
        for day in wanted:
            if day not in present:
                _make(day)
                done["made"].append(name_of(day))
        for day in sorted(present):
            if day < oldest:
                cursor.execute(f"DROP TABLE {name_of(day)}")
                done["dropped"].append(name_of(day))
        # Rows older than every partition kept have nowhere else to be dropped from.
        cursor.execute(f'DELETE FROM {DEFAULT} WHERE "timestamp" < %s', [oldest])  # noqa: S608
    return done


def existing() -> set[date]:
    """The days that have a partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [TABLE],
        )
        names = [name for (name,) in cursor.fetchall()]
    found = (re.fullmatch(rf"{TABLE}_(\d{{4}})(\d\d)(\d\d)", name) for name in names)
    return {date(*map(int, match.groups())) for match in found if match}


def name_of(day: date) -> str:
    """The partition of a day."""
    return f"{TABLE}_{day:%Y%m%d}"


def _make(day: date) -> None:
    name, bounds = name_of(day), [day, day + timedelta(days=1)]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS)")
        # A partition can't be attached for a range of which the default holds rows.
        cursor.execute(
            f"WITH moved AS (DELETE FROM {DEFAULT} "  # noqa: S608
            'WHERE "timestamp" >= %s AND "timestamp" < %s RETURNING *) '
            f"INSERT INTO {name} SELECT * FROM moved",
            bounds,
        )
        cursor.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
            [f"{bound:%Y-%m-%d} 00:00:00+00" for bound in bounds],
        )
