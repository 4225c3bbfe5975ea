"""How the tests' database is emptied and filled again between tests that commit.

Django truncates every table and saves every object of the migrations one by one:
a second a test, for hundreds of tests. Here only tables that hold something are
emptied, and what the migrations made comes back by COPY.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections, transaction
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.postgresql.operations import DatabaseOperations

# Their foreign keys are checked at once, so that they go first.
HEAVY = ("ai_performance_metrics", "ai_performance_alerts", "alert_events")

# A table and its columns -> rows.
Contents = dict[str, bytes]


def install() -> None:
    """Take the place of Django's own ways, for PostgreSQL."""
    DatabaseOperations.sql_flush = _sql_flush  # type: ignore[method-assign]
    DatabaseCreation.serialize_db_to_string = _contents  # type: ignore[assignment,method-assign]
    DatabaseCreation.deserialize_db_from_string = _refill  # type: ignore[assignment,method-assign]


@contextmanager
def renewed() -> Iterator[None]:
    """What the migrations made and nothing else, before the block and after it."""
    contents = connection._test_serialized_contents  # type: ignore[attr-defined]
    connection.creation.deserialize_db_from_string(contents)
    try:
        yield
    finally:
        connection.creation.deserialize_db_from_string(contents)


def _sql_flush(
    self: DatabaseOperations,
    style: Any,
    tables: Sequence[str],
    *,
    reset_sequences: bool = False,
    allow_cascade: bool = False,
) -> list[str]:
    return _emptying(self.connection.alias, tables)


def _contents(self: DatabaseCreation) -> Contents:
    """Every table's rows, as COPY writes them."""
    connection = self.connection
    tables = connection.introspection.django_table_names(only_existing=True)
    # The reverse of how they are emptied.
    tables.sort(key=lambda table: HEAVY.index(table) if table in HEAVY else len(HEAVY))
    found: Contents = {}
    with connection.cursor() as cursor:
        for table in reversed(_filled(connection.alias, tables)):
            columns = _columns(cursor, table)
            with cursor.copy(f'COPY (SELECT {columns} FROM "{table}") TO STDOUT') as copy:  # noqa: S608
                found[f'"{table}" ({columns})'] = b"".join(bytes(part) for part in copy)
    return found


def _refill(self: DatabaseCreation, data: Contents) -> None:
    """Have those rows and no others."""
    alias = self.connection.alias
    tables = self.connection.introspection.django_table_names(only_existing=True)
    with transaction.atomic(alias), self.connection.cursor() as cursor:
        for statement in _emptying(alias, tables):
            cursor.execute(statement)
        for columns, rows in data.items():
            with cursor.copy(f"COPY {columns} FROM STDIN") as copy:
                copy.write(rows)


def _columns(cursor: Any, table: str) -> str:
    """Those that can be written."""
    cursor.execute(
        "SELECT string_agg(format('%%I', attname), ', ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        [f'"{table}"'],
    )
    return str(cursor.fetchone()[0])


def _emptying(alias: str, tables: Sequence[str]) -> list[str]:
    found = _filled(alias, sorted(tables, key=lambda table: table not in HEAVY))
    deletes = [f'DELETE FROM "{table}"' for table in found]  # noqa: S608
    return ["SET CONSTRAINTS ALL DEFERRED", *deletes]


def _filled(alias: str, tables: Sequence[str]) -> list[str]:
    """Those of the tables that hold anything, in their order."""
    if not tables:
        return []
    looks = " UNION ALL ".join(
        f'SELECT {place} WHERE EXISTS (SELECT FROM "{table}")'  # noqa: S608
        for place, table in enumerate(tables)
    )
    with connections[alias].cursor() as cursor:
        cursor.execute(looks)
        return [tables[place] for place in sorted(row[0] for row in cursor.fetchall())]
