"""Many rows of a table by one statement, without what the ORM takes to write each value down.

Django spells every value of every row out in the statement: of a table as wide as the alerts'
that takes longer than PostgreSQL takes to store them. Here they go as one JSON text.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby

from django.db import connection
from django.db.models import FloatField, Model
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Now

_INSERT = """
INSERT INTO {table} ({columns})
SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json)
RETURNING {primary}
"""
_UNSET = DatabaseDefault(Now())


def insert(objects: Iterable[Model]) -> None:
    """Store unsaved objects of one model in their order, as ``bulk_create`` would; sets each pk.

    What the database has a default for and nobody set is the database's to fill in; it is read
    when somebody asks for it.
    """
    written = [(_values(one), one) for one in objects]
    for _, alike in groupby(written, key=lambda pair: pair[0].keys()):
        _insert(list(alike))


def _insert(rows: Sequence[tuple[dict[str, object], Model]]) -> None:
    first, one = rows[0]
    meta, quote = one._meta, connection.ops.quote_name  # noqa: SLF001
    sql = _INSERT.format(
        table=quote(meta.db_table),
        columns=", ".join(quote(column) for column in first),
        primary=quote(str(meta.pk.column)),
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [json.dumps([values for values, _ in rows], default=str)])
        for (number,), (values, stored) in zip(cursor.fetchall(), rows, strict=True):
            stored.pk = number
            for name, column, _ in _fields(type(stored)):
                if column not in values:
                    stored.__dict__.pop(name, None)
            stored._state.adding, stored._state.db = False, connection.alias  # noqa: SLF001


def _values(one: Model) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, column, is_float in _fields(type(one)):
        value = one.__dict__.get(name, _UNSET)
        if not isinstance(value, DatabaseDefault):
            # JSON knows no infinity, PostgreSQL reads it from a text.
            values[column] = str(value) if is_float and value is not None else value

    return values


@cache
def _fields(model: type[Model]) -> list[tuple[str, str, bool]]:
    """Attribute, column, and whether it is a float."""
    return [
        (field.attname, str(field.column), isinstance(field, FloatField))
        for field in model._meta.concrete_fields  # noqa: SLF001
        if not field.generated and not field.primary_key
    ]
