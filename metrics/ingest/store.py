"""Rows into the database: one COPY and its pending minutes, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction
from psycopg.types.json import Jsonb

from metrics.ingest.schema import Row

_COLUMNS = (
    ("metric_name", "varchar"),
    ("metric_category", "varchar"),
    ("metric_value", "float8"),
    ("measurement_unit", "varchar"),
    ("component", "varchar"),
    ("service_name", "varchar"),
    ("endpoint_path", "varchar"),
    ("user_id", "int4"),
    ("client_id", "int4"),
    ("request_id", "varchar"),
    ("query_complexity", "varchar"),
    ("ml_models_used", "jsonb"),
    ("user_satisfaction_score", "float8"),
    ("timestamp", "timestamptz"),
    ("metadata", "jsonb"),
    ("success", "bool"),
    ("synthetic", "bool"),
)
_NAMES = ", ".join(f'"{name}"' for name, _type in _COLUMNS)
_COPY = f"COPY ai_performance_metrics ({_NAMES}) FROM STDIN (FORMAT BINARY)"
_MARK = """
INSERT INTO pending_minutes (client_id, metric_name, minute)
SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[])
"""


def store(rows: Sequence[Row], *, synthetic: bool = False) -> int:
    """Commit validated rows; return how many. When this returns they are durable.

    Raises django.db.OperationalError when the database can't commit: then
    nothing of the rows is stored.
    """
    if not rows:
        return 0
    marks = {(row.client_id, row.metric_name, _minute(row.timestamp)) for row in rows}
    with transaction.atomic(), connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            copy.set_types([type_ for _name, type_ in _COLUMNS])
            for row in rows:
                copy.write_row(_values(row, synthetic))
        cursor.execute(_MARK, [list(column) for column in zip(*sorted(marks), strict=True)])
    return len(rows)


def _minute(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("A row reaches the store only with its time filled in.")
    return moment.replace(second=0, microsecond=0)


def _values(row: Row, synthetic: bool) -> tuple[Any, ...]:
    return (
        row.metric_name,
        row.metric_category,
        row.metric_value,
        row.measurement_unit,
        row.component,
        row.service_name,
        row.endpoint_path,
        row.user_id,
        row.client_id,
        row.request_id,
        row.query_complexity,
        _jsonb(row.ml_models_used),
        row.user_satisfaction_score,
        row.timestamp,
        _jsonb(row.metadata),
        row.success,
        synthetic,
    )


def _jsonb(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value, dumps=msgspec.json.encode)
