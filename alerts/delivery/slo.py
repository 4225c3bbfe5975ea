"""The portal's promise about its own alerts, measured from stored timestamps.

99 % of alerts are there within 1000 ms of the commit of the measurements that raised
them (the specification's alert_processing_time), and 99 % of notifications are taken
by their channel within 5 s of the event they tell.
"""

import math
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from metrics.ingest.schema import Row
from metrics.probes.base import PLATFORM_COMPONENT
from metrics.units import Unit
from slas.budget import Counts, budget

OBJECTIVE = 0.99
PROCESSING_MS, HANDED_MS = 1000, 5000
SPAN = timedelta(hours=24)
# Alerts older than this get no row any more: their minute is judged.
ROWS_BACK = timedelta(hours=1)
_NAMESPACE = uuid.UUID("6f0e0a5e-8d0b-4b7a-9a59-5d6f3d6a9c11")

_FIGURES = """
SELECT count(*), count(*) FILTER (WHERE ms <= %(limit)s),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY ms),
    percentile_disc(0.99) WITHIN GROUP (ORDER BY ms)
FROM ({source}) AS measured
"""
_PROCESSING = """
SELECT greatest(0, extract(epoch FROM created_at - data_committed_at) * 1000) AS ms
FROM ai_performance_alerts
WHERE created_at >= %(since)s AND created_at < %(until)s AND data_committed_at IS NOT NULL
"""
# What is told at once: gathered, delayed by hours or sent again is late by somebody's wish.
_HANDED = """
SELECT greatest(0, extract(epoch FROM n.handed_at - e.at) * 1000) AS ms
FROM notifications n JOIN alert_events e ON e.id = n.event_id
WHERE n.created_at >= %(since)s AND n.created_at < %(until)s
    AND n.status = 'sent' AND n.form = 'single' AND n.held = ''
UNION ALL
SELECT extract(epoch FROM %(until)s - e.at) * 1000
FROM notifications n JOIN alert_events e ON e.id = n.event_id
WHERE n.created_at >= %(since)s AND n.created_at < %(until)s
    AND n.status IN ('waiting', 'leased', 'dead') AND n.form = 'single' AND n.held = ''
    AND e.at < %(until)s - %(limit)s * interval '1 millisecond'
"""
_WITHOUT_ROW = """
SELECT a.id, a.created_at,
    greatest(0, extract(epoch FROM a.created_at - a.data_committed_at) * 1000)
FROM ai_performance_alerts a
WHERE a.created_at >= %(since)s AND a.data_committed_at IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM ai_performance_metrics m
        WHERE m.client_id = %(client)s AND m."timestamp" = a.created_at
            AND m.event_id IS NOT NULL AND m.metric_name = 'alert_processing_time'
            AND m.metadata->>'alert' = a.id::text)
ORDER BY a.created_at LIMIT 1000
"""


@dataclass(frozen=True)
class Stage:
    """One part of the way from a measurement to a person. Times in ms."""

    limit_ms: int
    count: int
    within: int
    p50_ms: float | None
    p99_ms: float | None

    @property
    def budget_left(self) -> float | None:
        """1: untouched, 0: spent, below 0: overspent; None without events."""
        if not self.count:
            return None
        left = budget(Counts(self.within, self.count), OBJECTIVE).left_share
        return left if left is None or math.isfinite(left) else None

    @property
    def is_kept(self) -> bool | None:
        """Whether 99 % were in time; None without events."""
        return None if not self.count else self.within >= OBJECTIVE * self.count


def processing(since: datetime, until: datetime) -> Stage:
    """From the commit of the measurements to the alert's row, of alerts made in the span."""
    return _measured(_PROCESSING, PROCESSING_MS, since, until)


def handed(since: datetime, until: datetime) -> Stage:
    """From the event to its being taken by the channel, of notifications made in the span.

    One that no channel has taken yet counts once it is late, with its age so far.
    """
    return _measured(_HANDED, HANDED_MS, since, until)


def processing_rows(client_id: int, service: str, now: datetime) -> list[Row]:
    """A metric row for each new alert that has none yet."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_ROW, {"since": now - ROWS_BACK, "client": client_id})
        found = cursor.fetchall()
    return [
        Row(
            metric_name="alert_processing_time",
            metric_category="system_health",
            metric_value=float(ms),
            measurement_unit=Unit.MILLISECONDS,
            component=PLATFORM_COMPONENT,
            service_name=service,
            client_id=client_id,
            timestamp=at,
            event_id=uuid.uuid5(_NAMESPACE, str(alert)),
            metadata={"alert": alert},
        )
        for alert, at, ms in found
    ]


def _measured(source: str, limit: int, since: datetime, until: datetime) -> Stage:
    values: dict[str, Any] = {"limit": limit, "since": since, "until": until}
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES.format(source=source), values)
        count, within, p50, p99 = cursor.fetchone()
    return Stage(limit, count, within, *(None if p is None else float(p) for p in (p50, p99)))
