"""A month of history to ask about: rows, roll-ups and SLIs of 200 objectives, made once and kept.

Run in a process of the portal. The rows are made in SQL, the rest by the portal itself.
"""

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

from accounts.models import Client
from metrics import longer, rollups
from metrics.ingest.schema import Row
from metrics.ingest.store import store
from metrics.partitions import TABLE, name_of
from slas import slis, versions
from slas.models import ModelTarget, ResourceLimit, Sla

DAYS, CLIENTS, SLAS = 30, 4, 100  # each SLA has two objectives: latency and availability
METRIC, COMPLEXITIES = "bench_response_time", ("simple", "moderate", "complex")
MINUTES = DAYS * 1440
# Half of the rows are of the first metric. Of the other SLAs so many get rows in a minute.
ACTIVE = 5
TARGET, MAXIMUM = 3000.0, 10_000.0

_FILL = f"""
INSERT INTO {{name}} (id, metric_name, metric_category, metric_value, measurement_unit, component,
    service_name, endpoint_path, client_id, request_id, query_complexity, ml_models_used,
    timestamp, success, synthetic)
SELECT %(first)s + n, '{METRIC}_' || sla / 3, 'ai_query', exp(7.2 + 0.8 * normal), 'ms',
    'cognitive_core', 'assistant', '/api/ask', (%(clients)s::int[])[client + 1],
    'req-' || (%(first)s + n), (ARRAY['simple', 'moderate', 'complex'])[1 + sla %% 3],
    '["gpt-4o"]', at, (n + client) %% 200 <> 0, false
FROM (
    SELECT n, at, client, random_normal() AS normal, CASE WHEN n %% 2 = 0 THEN turn %% 3
        ELSE (extract(epoch FROM at)::bigint / 60 * 7 + client * 13 + turn * 17) %% {SLAS}
        END AS sla
    FROM (
        SELECT n, n / 2 %% {CLIENTS} AS client, n / {2 * CLIENTS} %% {ACTIVE} AS turn,
            %(day)s::timestamptz + n * (interval '1 day' / %(rows)s) AS at
        FROM generate_series(0, %(rows)s - 1) AS n
    ) AS drawn
) AS made
"""
_MARK = f"""
INSERT INTO pending_minutes (client_id, metric_name, minute)
SELECT DISTINCT client_id, metric_name, date_trunc('minute', "timestamp") FROM {TABLE}
WHERE "timestamp" >= %s AND "timestamp" < %s
"""


def make(rows: int) -> None:
    """Promise 200 objectives, then fill a month that ends today at midnight and count it."""
    clients = [Client.objects.create(code=f"bench{n}", name=f"Bench {n}") for n in range(CLIENTS)]
    promise()
    end = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    days = [end + timedelta(days=n) for n in range(-DAYS, 1)]
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '256MB'")
        for number, day in enumerate(days):
            each = rows // DAYS if day < end else 0
            fill(day, number * (rows // DAYS) + 1, each, [client.pk for client in clients])
            cursor.execute(_MARK, [day, day + timedelta(days=1)])
            cursor.execute(f"ANALYZE {name_of(day.date())}")
            while rollups.roll_up(batch=2000):
                slis.count_all()
            longer.roll_up_all(timezone.now())
        cursor.execute(f"SELECT setval('{TABLE}_id_seq', %s)", [rows + 1])
        cursor.execute("VACUUM ANALYZE")


def promise() -> None:
    """Two objectives for each SLA of the bench, and no others."""
    for model in (Sla, ModelTarget, ResourceLimit):
        model.objects.update(enabled=False)  # type: ignore[attr-defined]
    Sla.objects.bulk_create(
        Sla(
            code=f"bench{number}",
            description="Bench",
            metric_name=f"{METRIC}_{number // 3}",
            component="cognitive_core",
            query_complexity=COMPLEXITIES[number % 3],
            target_response_time=TARGET,
            max_response_time=MAXIMUM,
            availability=99.0,
        )
        for number in range(SLAS)
    )
    versions.sync(timezone.now())


def fill(day: datetime, first: int, rows: int, clients: list[int]) -> None:
    """A day's partition, filled before it is attached: its indexes are built in one go."""
    name, until = name_of(day.date()), day + timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS)")
        values = {"first": first, "rows": rows, "day": day, "clients": clients}
        if rows:
            cursor.execute(_FILL.format(name=name), values)
        cursor.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
            [f"{bound:%Y-%m-%d} 00:00:00+00" for bound in (day, until)],
        )


def history() -> tuple[datetime, datetime]:
    """The month that is filled, whenever that was."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT min("timestamp") FROM {TABLE}')
        oldest: datetime = cursor.fetchone()[0]
    start = oldest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=DAYS)


def more(rows: int, start: datetime, minutes: int) -> None:
    """New rows, as services send them, in so many minutes from ``start`` on."""
    clients = list(Client.objects.filter(code__startswith="bench").values_list("pk", flat=True))
    made = []
    for number in range(rows):
        sla = number % 3 if number % 2 else number * 17 % SLAS
        made.append(
            Row(
                metric_name=f"{METRIC}_{sla // 3}",
                metric_category="ai_query",
                metric_value=float(500 + number % 4000),
                measurement_unit="ms",
                component="cognitive_core",
                service_name="assistant",
                query_complexity=COMPLEXITIES[sla % 3],  # type: ignore[arg-type]
                ml_models_used=["gpt-4o"],
                client_id=clients[number // 2 % CLIENTS],
                request_id=f"new-{number}",
                timestamp=start + timedelta(minutes=minutes) * (number / rows),
            )
        )
    for place in range(0, rows, 1000):
        store(made[place : place + 1000])


def forget(end: datetime) -> None:
    """Remove what came after the month."""
    tables = {
        TABLE: '"timestamp"',
        **dict.fromkeys(("pending_minutes", "changed_minutes", "minute_rollups"), "minute"),
        **dict.fromkeys(("pending_hours", "hour_rollups", "metric_hours", "sli_hours"), "hour"),
        **dict.fromkeys(("day_rollups", "sli_days"), "day"),
        "sli_minutes": "minute",
    }
    with connection.cursor() as cursor:
        for table, column in tables.items():
            cursor.execute(f"DELETE FROM {table} WHERE {column} >= %s", [end])
        del tables[TABLE]
        cursor.execute(f"VACUUM ANALYZE {', '.join(tables)}")
