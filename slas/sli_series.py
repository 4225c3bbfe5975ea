"""An objective's SLI over time, by step, from SLI minutes, or hours where the step is whole hours.

What was counted is shown as it is: exclusions are not taken out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from slas.models import ResourceLimit, SloVersion
from slas.objectives import Kind
from slas.windows import HOUR, Sums

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POINTS = """
SELECT date_bin(%(step)s, {time}, %(epoch)s) AS start, sum(good)::bigint, sum(total)::bigint,
    sum(value_sum), max(value_max)
FROM {table}
WHERE client_id = ANY(%(clients)s) AND slo_id = %(slo)s
    AND {time} >= %(since)s AND {time} < %(until)s
GROUP BY start ORDER BY start LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Point:
    """What was counted in one step; steps without events are left out."""

    start: datetime
    sums: Sums


def points(
    slo_id: int,
    client_ids: Sequence[int],
    since: datetime,
    until: datetime,
    step: timedelta,
    limit: int,
) -> list[Point]:
    """The clients' events together, oldest first; ``since`` and ``until`` are whole steps."""
    table, time = ("sli_minutes", "minute") if step % HOUR else ("sli_hours", "hour")
    values: dict[str, Any] = {
        "step": step,
        "epoch": _EPOCH,
        "clients": list(client_ids),
        "slo": slo_id,
        "since": since,
        "until": until,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_POINTS.format(table=table, time=time), values)
        return [Point(start, Sums(*counted)) for start, *counted in cursor.fetchall()]


def attained(version: SloVersion, sums: Sums) -> float | None:
    """PURE: percent of good events; of ratings the mean, of limits the mean or largest value."""
    if not sums.total:
        return None
    if version.kind in {Kind.LATENCY, Kind.AVAILABILITY}:
        return 100.0 * sums.good / sums.total
    mean = version.kind in {Kind.SATISFACTION, Kind.AT_LEAST} or (
        version.aggregate == ResourceLimit.Aggregate.MEAN
    )
    return sums.mean if mean else sums.value_max
