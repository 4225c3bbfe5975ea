"""The tables of OTLP metrics: the last points of cumulative series, and histogram points."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection
from django.db.models import Min, Q

from accounts.models import ApiKey
from metrics import nudge
from metrics.histogram import SCALE
from metrics.ingest.schema import Row
from metrics.ingest.validate import Limits
from metrics.models import HistogramPoint, OtlpSeries
from metrics.otlp.cumulative import Last
from metrics.otlp.spread import Converted

NS = 1_000_000_000


class Key(NamedTuple):
    """A cumulative series with its start (ns)."""

    client_id: int
    series: UUID
    start: int


class Part(NamedTuple):
    """What a histogram point adds, and what the values are."""

    key: Key
    time: int  # ns
    row: Row  # client and time are filled in
    histogram: Converted


# One statement, so that a series can't be forgotten between being found and being locked.
_LOCK = """
INSERT INTO otlp_series
    (client_id, series, start_nano, metric_name, component, service_name, updated_at)
SELECT k.*, statement_timestamp()
FROM unnest(%s::int[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[])
    AS k (client_id, series, start_nano, metric_name, component, service_name)
ORDER BY client_id, series, start_nano
ON CONFLICT (client_id, series, start_nano) DO UPDATE SET updated_at = excluded.updated_at
RETURNING client_id, series, start_nano, last::text
"""
_REMEMBER = """
UPDATE otlp_series s SET last = k.last
FROM ROWS FROM (unnest(%s::int[], %s::uuid[], %s::bigint[]), jsonb_array_elements(%s::jsonb))
    AS k (client_id, series, start_nano, last)
WHERE s.client_id = k.client_id AND s.series = k.series AND s.start_nano = k.start_nano
"""
_COLUMNS = (
    "client_id, series, start_nano, time_nano, minute, metric_name, component, service_name, "
    "query_complexity, model, measurement_unit, total, succeeded, value_sum, value_min, "
    "value_max, hist_zero, hist_idx, hist_cnt, approximate"
)
# An array of arrays has to be rectangular, so each comes as text.
_ADD = f"""
WITH added AS (
    INSERT INTO histogram_points ({_COLUMNS}, hist_scale)
    SELECT client_id, series, start_nano, time_nano, minute, metric_name, component,
        service_name, query_complexity, model, measurement_unit, total, succeeded, value_sum,
        value_min, value_max, hist_zero, hist_idx::smallint[], hist_cnt::bigint[], approximate,
        {SCALE}
    FROM unnest(%s::int[], %s::uuid[], %s::bigint[], %s::bigint[], %s::timestamptz[],
        %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
        %s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::bigint[], %s::text[],
        %s::text[], %s::boolean[]) AS k ({_COLUMNS})
    ORDER BY client_id, series, start_nano, time_nano
    ON CONFLICT DO NOTHING
    RETURNING client_id, metric_name, minute
)
INSERT INTO pending_minutes (client_id, metric_name, minute)
SELECT DISTINCT client_id, metric_name, minute FROM added
"""  # noqa: S608  # built from the constants above alone

_decode = msgspec.json.Decoder(Last).decode


def lock(wanted: dict[Key, Row]) -> dict[Key, Last | None]:
    """The last point of each series, None for a new one; held until the transaction ends.

    In one order everywhere, so that two exporters can't wait for each other.
    """
    rows = [(*key, row.metric_name, row.component, row.service_name) for key, row in wanted.items()]
    if not rows:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, _arrays(rows))
        return {
            Key(*key): None if last is None else _decode(last) for *key, last in cursor.fetchall()
        }


def remember(lasts: dict[Key, Last]) -> None:
    """Keep how far each locked series has come."""
    if lasts:
        # One document: an array of them would have each of their many quotes escaped.
        values = msgspec.json.encode(list(lasts.values())).decode()
        with connection.cursor() as cursor:
            cursor.execute(_REMEMBER, [*_arrays(lasts), values])


def add(parts: Sequence[Part]) -> None:
    """Store histogram points and mark their minutes; one that is stored already changes nothing."""
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(_ADD, _arrays(map(_columns, parts)))
        nudge.after_commit()


def began(key: ApiKey, limits: Limits) -> int:
    """When (ns) this key's client can first have been counted here.

    That is when its first key was made, by clocks that may differ as much as
    rows' may; and not before rows are kept, since older series are forgotten.
    """
    of_client = Q(client=None) if key.client_id is None else Q(client_id=key.client_id)
    first = ApiKey.objects.filter(of_client).aggregate(at=Min("created_at"))["at"]
    skew = timedelta(seconds=settings.INGEST_MAX_AHEAD_SECONDS)
    return int(max((first or key.created_at) - skew, limits.oldest).timestamp()) * NS


def forget_old(now: datetime) -> int:
    """Delete histogram points and silent series; return how many points went.

    Points go with the rows' partitions (metrics.partitions), whole days at once: a minute
    that is counted anew finds both or neither. Series go a day later than any point of
    them would still be taken whole (``began``).
    """
    oldest = now - timedelta(days=settings.ROW_RETENTION_DAYS)
    midnight = oldest.replace(hour=0, minute=0, second=0, microsecond=0)
    OtlpSeries.objects.filter(updated_at__lt=oldest - timedelta(days=1)).delete()
    return HistogramPoint.objects.filter(minute__lt=midnight).delete()[0]


def _columns(part: Part) -> tuple[Any, ...]:
    row, histogram = part.row, part.histogram
    order = sorted(histogram.counts)
    minute = row.timestamp and row.timestamp.replace(second=0, microsecond=0)
    return (
        *(*part.key, part.time, minute, row.metric_name, row.component, row.service_name),
        *(row.query_complexity or "", (row.ml_models_used or [""])[0], row.measurement_unit),
        *(histogram.total, histogram.total if row.success else 0, histogram.sum),
        *(histogram.smallest, histogram.largest, histogram.zero),
        *(_text(order), _text(histogram.counts[index] for index in order), histogram.approximate),
    )


def _text(numbers: Iterable[int]) -> str:
    """PostgreSQL's text form of an array."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _arrays(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
