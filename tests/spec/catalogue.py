"""What PostgreSQL's catalogue says of a table."""

import re
from dataclasses import dataclass
from typing import Any

from django.db import connection

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid),
    NOT a.attnotnull, a.attidentity <> '', a.attgenerated <> '',
    target.relname || '(' || pointed.attname || ')', fk.condeferrable
FROM pg_attribute a
JOIN pg_class t ON t.oid = a.attrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
LEFT JOIN pg_constraint fk
    ON fk.conrelid = t.oid AND fk.contype = 'f' AND fk.conkey = ARRAY[a.attnum]
LEFT JOIN pg_class target ON target.oid = fk.confrelid
LEFT JOIN pg_attribute pointed
    ON pointed.attrelid = fk.confrelid AND pointed.attnum = fk.confkey[1]
WHERE n.nspname = %s AND t.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
"""
_INDEXES = """
SELECT i.relname, am.amname, x.indisprimary, x.indisunique,
    pg_get_expr(x.indpred, x.indrelid),
    array_agg(pg_get_indexdef(i.oid, k.n::int, false) ORDER BY k.n)
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_am am ON am.oid = i.relam
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace s ON s.oid = t.relnamespace
CROSS JOIN generate_series(1, x.indnkeyatts) AS k (n)
WHERE s.nspname = %s AND t.relname = %s
GROUP BY i.relname, am.amname, x.indisprimary, x.indisunique, x.indpred, x.indrelid
"""
# Two spellings of one function: PostgreSQL's documentation, 9.9.5.
_SYNONYMS = {"CURRENT_TIMESTAMP": "now()"}


@dataclass(frozen=True)
class Column:
    """All that a column's definition can say here."""

    type: str
    default: str | None
    nullable: bool
    references: str | None
    deferrable: bool


@dataclass(frozen=True)
class Index:
    """All that an index's definition can say here."""

    columns: tuple[str, ...]
    predicate: str | None
    unique: bool = False
    method: str = "btree"


def columns(schema: str, table: str) -> dict[str, Column]:
    """The table's columns by name."""
    return {
        name: Column(
            type_,
            _default(default, identity, generated),
            nullable,
            references,
            bool(deferrable),
        )
        for name, type_, default, nullable, identity, generated, references, deferrable in _rows(
            _COLUMNS, schema, table
        )
    }


def indexes(schema: str, table: str) -> dict[str, Index]:
    """The table's indexes by name, the primary key's under "primary key"."""
    return {
        "primary key" if primary else name: Index(tuple(keys), predicate, unique, method)
        for name, method, primary, unique, predicate, keys in _rows(_INDEXES, schema, table)
    }


def partition_key(table: str) -> str | None:
    """How the table is partitioned."""
    return _rows("SELECT pg_get_partkeydef(%s::regclass)", table)[0][0]


def _default(expression: str | None, identity: bool, generated: bool) -> str | None:
    if identity:
        return "identity"
    if generated:
        return f"generated: {' '.join((expression or '').split())}"
    if expression and re.match(r"nextval\(", expression):
        return "serial"
    return _SYNONYMS.get(expression or "", expression)


def _rows(sql: str, *values: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
