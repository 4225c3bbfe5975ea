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
# Writers wait for the upkeep, and it for long readers; it gives up, so that they go on.
LOCK_SECONDS = 5
# One upkeep at a time: two that create the same partition would fail one another.
LOCK = 0x41494F53

# So many rows are read soon enough by any index.
FEW_ROWS = 2_000
_GROWN = """
SELECT c.oid::regclass::text
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE i.inhparent = %s::regclass AND s.n_mod_since_analyze > greatest(%s, c.reltuples)
ORDER BY 1
"""


def maintain(today: date | None = None) -> dict[str, list[str]]:
    """Make the partitions from the oldest kept day to DAYS_AHEAD, drop older ones.

    Returns the names of the partitions made and dropped. Repeatable; with a
    second upkeep under way it does nothing. Raises OperationalError, nothing
    done, when the table stays in use for LOCK_SECONDS: the next upkeep tries again.
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
        missing = [day for day in wanted if day not in present]
        outdated = sorted(day for day in present if day < oldest)
        if missing or outdated:
            # The whole table first, as every reader and writer does: taking its partitions
            # before it could deadlock with them. And no row may reach the default partition
            # between the moving of its rows and the new partition's attachment.
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        for day in missing:
            _make(day)
        for day in outdated:
            cursor.execute(f"DROP TABLE {name_of(day)}")
        done = {"made": [*map(name_of, missing)], "dropped": [*map(name_of, outdated)]}
        # Rows older than every partition kept have nowhere else to be dropped from.
        cursor.execute(f'DELETE FROM {DEFAULT} WHERE "timestamp" < %s', [oldest])  # noqa: S608
    return done


def analyze_grown() -> list[str]:
    """Have PostgreSQL look again at partitions that have doubled since it did; their names.

    Of a new day it knows nothing until its own upkeep comes by, after a minute or more, and
    then takes the index that reads all of a client's rows for as good as that of one metric.
    """
    with connection.cursor() as cursor:
        cursor.execute(_GROWN, [TABLE, FEW_ROWS])
        grown = [name for (name,) in cursor.fetchall()]
        for name in grown:
            cursor.execute(f"ANALYZE {name}")
    return grown


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
