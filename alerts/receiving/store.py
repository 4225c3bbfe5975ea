"""Told alerts against those that are open: opened, told again, or resolved, in one transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction

from alerts.models import Alert
from alerts.raising.opening import Draft, open_alerts
from alerts.receiving import mapping
from alerts.receiving.posted import Told
from alerts.triage import flapping, grouping, lifecycle

AGENT = "alertmanager"
# Told again: when it ends, and that it was. People see the change only if words changed.
_AGAIN = """
UPDATE ai_performance_alerts a
SET ends_at = k.ends_at, breaches = breaches + 1, last_breach_at = %s, alert_message = k.message,
    changed_at = CASE WHEN a.alert_message = k.message THEN a.changed_at ELSE %s END
FROM unnest(%s::int[], %s::timestamptz[], %s::text[]) AS k (id, ends_at, message)
WHERE a.id = k.id
"""


def store(told: Iterable[Told], now: datetime) -> None:
    """Bring alerts in line with what was told; of several words on one alert the last counts.

    Most are told again: those take no lock but their rows', in one order. Where one
    opens or ends, the lock of all that do comes first, as everywhere (triage.grouping).
    What opens comes before what ends: an incident that goes on is not closed in between.
    """
    latest = {}
    for one in told:
        client_id = mapping.client_of(one)
        latest[mapping.fingerprint(one, client_id)] = (client_id, one)
    open_ones = Alert.objects.filter(fingerprint__in=latest, status__in=lifecycle.OPEN)
    marks = open_ones.values_list("fingerprint", "pk")
    with transaction.atomic():
        seen = dict(marks.order_by())
        if any((mark in seen) == one.resolved for mark, (_, one) in latest.items()):
            grouping.lock()
        opened = dict(marks.select_for_update().order_by("pk"))
        new = [
            mapping.alert_of(one, client_id, mark)
            for mark, (client_id, one) in latest.items()
            if mark not in opened and not one.resolved
        ]
        open_alerts([Draft(one, one.alert_message, agent=AGENT) for one in new])
        known = [(opened[mark], one) for mark, (_, one) in latest.items() if mark in opened]
        _tell_again([(pk, one) for pk, one in known if not one.resolved], now)
        note = "The system that told of it says that it is over."
        for pk in (pk for pk, one in known if one.resolved):
            flapping.recover(pk, note, agent=AGENT, now=now)


def expire(now: datetime) -> int:
    """Resolve alerts of other systems that were not told again in time; return how many."""
    due = Alert.objects.filter(ends_at__lte=now, status__in=lifecycle.OPEN)
    note = "It was not told again in time: it is taken to be over."
    return sum(
        flapping.recover(pk, note, agent=AGENT, now=now) for pk in due.values_list("pk", flat=True)
    )


def _tell_again(again: Sequence[tuple[int, Told]], now: datetime) -> None:
    if not again:
        return
    columns = zip(*((pk, one.ends_at, mapping.message(one)) for pk, one in again), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, [now, now, *(list(column) for column in columns)])
