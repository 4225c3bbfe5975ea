"""Open alerts whose breach goes on and changes nothing else, noted in one statement."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from alerts.models import Alert
from alerts.raising.opening import TELLING

# What a person, or a pass that looked later, changed meanwhile is left alone. Rows are locked in
# one order, so that none waits for another in a circle.
_TOUCH = """
WITH k AS (
    SELECT * FROM unnest(%(ids)s::int[], %(severities)s::text[], %(thresholds)s::float8[],
        %(values)s::float8[], %(messages)s::text[], %(ends)s::timestamptz[])
        AS k (id, severity, threshold, value, message, at)
), held AS (
    SELECT a.id FROM ai_performance_alerts a JOIN k ON k.id = a.id
    WHERE a.status = ANY(%(statuses)s) AND a.severity = k.severity AND NOT a.flapping
        AND a.last_breach_at <= k.at
    ORDER BY a.id FOR UPDATE OF a
)
UPDATE ai_performance_alerts a
SET threshold_value = k.threshold, actual_value = k.value, alert_message = k.message,
    last_breach_at = k.at, breaches = breaches + 1
FROM k JOIN held USING (id) WHERE a.id = k.id
RETURNING a.id
"""

Touched = tuple[Alert, dict[str, Any], datetime]


def touch(steady: Iterable[Touched]) -> set[int]:
    """Note that the alerts' breaches were found again: each with its numbers, and when.

    Returns which still were as given: neither closed, nor graver, nor flapping, nor found
    broken later.
    """
    rows = [
        (
            alert.pk,
            alert.severity,
            numbers["threshold_value"],
            numbers["actual_value"],
            numbers["alert_message"],
            at,
        )
        for alert, numbers, at in steady
    ]
    if not rows:
        return set()
    names = ("ids", "severities", "thresholds", "values", "messages", "ends")
    columns = (list(column) for column in zip(*rows, strict=True))
    values = dict(zip(names, columns, strict=True)) | {"statuses": list(TELLING)}
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, values)
        return {pk for (pk,) in cursor.fetchall()}
