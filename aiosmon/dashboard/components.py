"""Component health: state, traffic, errors and latency of the last hour, from roll-ups."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Sum
from django.urls import reverse

from accounts import visibility
from accounts.models import User
from aiosmon.dashboard import sparkline
from aiosmon.dashboard.sparkline import Sparkline
from alerts.models import Severity
from metrics import formats
from metrics.histogram import Stored, merge
from metrics.models import Component, MinuteRollup
from metrics.units import Unit
from slas.models import Sla

MINUTES = 60
# Histograms are merged across series in SQL, so that the answer's size does not
# grow with the number of clients: at most a row a component and minute.
_HISTOGRAMS = """
WITH chosen AS MATERIALIZED (
    SELECT r.* FROM minute_rollups r
    JOIN unnest(%(components)s::text[], %(metrics)s::text[], %(units)s::text[])
        AS main (component, metric_name, measurement_unit)
        USING (component, metric_name, measurement_unit)
    WHERE r.minute >= %(start)s AND (%(everyone)s OR r.client_id = ANY(%(clients)s))
), extremes AS (
    SELECT component, minute, hist_scale, sum(hist_zero)::bigint AS zero,
        min(value_min) AS low, max(value_max) AS high
    FROM chosen GROUP BY component, minute, hist_scale
), buckets AS (
    SELECT component, minute, hist_scale, array_agg(idx) AS idx, array_agg(cnt) AS cnt
    FROM (
        SELECT component, minute, hist_scale, b.idx, sum(b.cnt)::bigint AS cnt
        FROM chosen, unnest(hist_idx, hist_cnt) AS b (idx, cnt)
        GROUP BY component, minute, hist_scale, b.idx
    ) merged GROUP BY component, minute, hist_scale
)
SELECT component, minute, hist_scale, zero, coalesce(idx, '{}'), coalesce(cnt, '{}'), low, high
FROM extremes LEFT JOIN buckets USING (component, minute, hist_scale)
"""
# worst open severity → (level, word)
_STATES = {
    Severity.CRITICAL.value: ("critical", "Critical"),
    Severity.HIGH.value: ("high", "Impaired"),
    Severity.MEDIUM.value: ("medium", "Degraded"),
    Severity.LOW.value: ("low", "Minor breach"),
}


@dataclass
class Traffic:
    """One component's hour."""

    rows: int = 0
    requests: int = 0  # rows in ms: somebody waited for an answer
    failed: int = 0
    main_metric: str = ""
    unit: str = ""
    main_rank: tuple[bool, bool, bool, int] = (False, False, False, 0)
    minutes: dict[datetime, list[Stored]] = field(default_factory=lambda: defaultdict(list))

    def add(self, metric: str, unit: str, rows: int, succeeded: int, *, promised: bool) -> None:
        """Count one metric.

        The main one is what an SLA promises, else a response time, else a
        share of the machine; among equals the one with the most rows.
        """
        is_request = unit == Unit.MILLISECONDS
        self.rows += rows
        if is_request:
            self.requests += rows
            self.failed += rows - succeeded
        rank = (promised, is_request, unit == Unit.PERCENT, rows)
        if rank > self.main_rank:
            self.main_metric, self.unit, self.main_rank = metric, unit, rank


@dataclass(frozen=True)
class Tile:
    """One component on the front page."""

    name: str
    team: str
    url: str
    level: str
    word: str
    count: str
    counted: str
    errors: str  # empty: nothing that could fail was asked
    has_errors: bool
    p95: str
    metric: str
    spark: Sparkline


@dataclass(frozen=True)
class Health:
    """The panel."""

    tiles: list[Tile]
    rows: int

    @property
    def rows_text(self) -> str:
        """The rows with thousands apart."""
        return f"{self.rows:,}"


def panel(user: User | AnonymousUser, now: datetime, worst: dict[str, str]) -> Health:
    """Every component's last hour, of the clients this person may see, in four queries."""
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    traffic = _traffic(user, start)
    components = Component.objects.select_related("team")
    tiles = [_tile(part, traffic[part.code], worst.get(part.code), start) for part in components]
    return Health(tiles, sum(part.rows for part in traffic.values()))


def state(worst: str | None, rows: int) -> tuple[str, str]:
    """PURE: (level, word) of a component from its worst open alert and its rows in the hour."""
    if worst is not None:
        return _STATES[worst]
    return ("ok", "Healthy") if rows else ("none", "No data")


def _traffic(user: User | AnonymousUser, start: datetime) -> dict[str, Traffic]:
    found: dict[str, Traffic] = defaultdict(Traffic)
    rollups = visibility.limit(MinuteRollup.objects.filter(minute__gte=start), user)
    counted = rollups.values_list("component", "metric_name", "measurement_unit").annotate(
        Sum("total"), Sum("succeeded")
    )
    slas = set(Sla.objects.filter(enabled=True).values_list("component", "metric_name"))
    for component, metric, unit, rows, succeeded in counted.order_by("metric_name"):
        promised = (component, metric) in slas
        found[component].add(metric, unit, int(rows), int(succeeded), promised=promised)
    if found:
        _add_histograms(found, user, start)
    return found


def _add_histograms(found: dict[str, Traffic], user: User | AnonymousUser, start: datetime) -> None:
    everyone = visibility.sees_all(user)
    clients = (
        [] if everyone else list(visibility.visible_clients(user).values_list("pk", flat=True))
    )
    values: dict[str, Any] = {
        "components": list(found),
        "metrics": [traffic.main_metric for traffic in found.values()],
        "units": [traffic.unit for traffic in found.values()],
        "start": start,
        "everyone": everyone,
        "clients": clients,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HISTOGRAMS, values)
        for component, minute, *stored in cursor.fetchall():
            scale, zero, idx, cnt, low, high = stored
            found[component].minutes[minute].append((scale, zero, idx, cnt, low, high))


def _tile(part: Component, traffic: Traffic, worst: str | None, start: datetime) -> Tile:
    level, word = state(worst, traffic.rows)
    hour = merge(stored for minute in traffic.minutes.values() for stored in minute)
    metric = traffic.main_metric.replace("_", " ")
    minutes = [start + timedelta(minutes=n) for n in range(MINUTES)]
    p95s = [merge(traffic.minutes.get(minute, [])).quantile(0.95) for minute in minutes]
    return Tile(
        name=part.name,
        team=part.team.name if part.team else "",
        url=f"{reverse('admin:metrics_performancemetric_changelist')}"
        f"?component={part.code}&span=1h",
        level=level,
        word=word,
        count=f"{traffic.requests or traffic.rows:,}",
        counted="requests/h" if traffic.requests else "values/h",
        errors=formats.share(traffic.failed, traffic.requests) if traffic.requests else "",
        has_errors=traffic.failed > 0,
        p95=formats.measure(hour.quantile(0.95), traffic.unit),
        metric=metric,
        spark=sparkline.draw(p95s, spark_title(metric, p95s, traffic.unit)),
    )


def spark_title(metric: str, values: list[float | None], unit: str) -> str:
    """PURE: what the line shows, for those who can't see it."""
    known = [value for value in values if value is not None]
    if not known:
        return "No data in the last hour"
    low, high = formats.measure(min(known), unit), formats.measure(max(known), unit)
    silent = len(values) - len(known)
    text = f"p95 of {metric} by minute, last hour: from {low} to {high}"
    return f"{text}; {silent} minutes without data" if silent else text
