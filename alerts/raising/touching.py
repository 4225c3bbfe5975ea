"""Open alerts whose breach goes on and changes nothing else, noted in one statement."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from alerts.models import Alert, Status
from alerts.triage import lifecycle

# What a person, or a pass that looked later, changed meanwhile is left alone. Rows are locked in
# one order, so that none waits for another in a circle.
_TOUCH = """
WITH k AS (
    SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::float8[], %s::float8[],
        %s::text[]) AS k (id, severity, at, threshold, value, message)
), held AS (
    SELECT k.* FROM ai_performance_alerts a JOIN k ON k.id = a.id
    WHERE a.status = ANY(%s) AND a.severity = k.severity AND NOT a.flapping
        AND a.last_breach_at <= k.at
    ORDER BY a.id FOR UPDATE OF a
)
UPDATE ai_performance_alerts a
SET last_breach_at = k.at, breaches = breaches + 1,
    threshold_value = coalesce(k.threshold, threshold_value),
    actual_value = coalesce(k.value, actual_value),
    alert_message = coalesce(k.message, alert_message)
FROM held k WHERE a.id = k.id
RETURNING a.id
"""
# A pending one goes on, or fires, by its rule's hold time.
_STEADY = [status for status in lifecycle.OPEN if status != Status.PENDING]
_NUMBERS = ("threshold_value", "actual_value", "alert_message")


def touch(steady: Iterable[tuple[Alert, datetime, Mapping[str, Any]]]) -> set[int]:
    """Note that the alerts' breaches were found again, when, and with which numbers, if any.

    Returns which still were as given: neither closed, nor graver, nor flapping, nor found
    broken later.
    """
    rows = [
        (alert.pk, alert.severity, at, *(numbers.get(name) for name in _NUMBERS))
        for alert, at, numbers in steady
    ]
    if not rows:
        return set()
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [*columns, _STEADY])
        return {pk for (pk,) in cursor.fetchall()}
