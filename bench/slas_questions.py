"""What bench.slas asks of one database, in a process of the portal; prints JSON.

`python -m bench.slas_questions make ROWS | catch_up | pass NUMBER | forget | questions`
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import django
from django.db import connection
from django.utils import timezone

NEW_ROWS, NEW_MINUTES, SLOTS = 10_000, 10, 5
TIMES = 5

_P95 = """
SELECT date_trunc('hour', "timestamp"), percentile_disc(0.95) WITHIN GROUP (ORDER BY metric_value)
FROM ai_performance_metrics
WHERE metric_name = %(metric)s AND success AND "timestamp" >= %(start)s AND "timestamp" < %(end)s
GROUP BY 1 ORDER BY 1
"""
_COMPLIANCE = """
SELECT m.client_id, v.slo_id, count(*) FILTER (WHERE m.success AND m.metric_value <= v.good_within),
    count(*)
FROM ai_performance_metrics m JOIN slo_versions v ON v.metric_name = m.metric_name
    AND v.component = m.component AND v.unit = m.measurement_unit
    AND (v.query_complexity = '' OR v.query_complexity = m.query_complexity)
    AND m."timestamp" >= v.valid_from
    AND (v.valid_until IS NULL OR m."timestamp" < v.valid_until)
WHERE m."timestamp" >= %(start)s AND m."timestamp" < %(end)s AND NOT m.synthetic
    AND m.client_id = ANY(%(clients)s)
GROUP BY 1, 2
"""
# What a report tells of each objective: its counts, and three percentiles of what succeeded.
_REPORT = _COMPLIANCE.replace(
    "    count(*)\nFROM",
    "    count(*), percentile_disc(ARRAY[0.5, 0.95, 0.99])\n"
    "    WITHIN GROUP (ORDER BY m.metric_value) FILTER (WHERE m.success)\nFROM",
)
Answer = Any


def timed(ask: Callable[[], Answer], times: int = 1) -> tuple[float, Answer]:
    """The median seconds of so many times, and the answer."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        answer = ask()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), answer


def evaluation(number: int) -> dict[str, list[float]]:
    """The seconds of passes over new rows, which come after all that is there."""
    from bench import slas_data
    from metrics import longer, rollups
    from slas import slis

    _, end = slas_data.history()
    seconds = []
    for slot in range(SLOTS * number, SLOTS * (number + 1)):
        slas_data.more(NEW_ROWS, end + slot * timedelta(minutes=NEW_MINUTES), NEW_MINUTES)
        rolled, _ = timed(rollups.roll_up_all)
        counted, done = timed(slis.count_all)
        assert done
        summed, _ = timed(lambda: longer.roll_up_all(timezone.now()))
        seconds.append(rolled + counted + summed)
    # The first pass of a connection reads the catalogue; workers keep theirs.
    return {"seconds": seconds[1:]}


def questions() -> dict[str, tuple[float, float]]:
    """Seconds from roll-ups and SLIs, and from rows, by question."""
    from bench import slas_data

    start, end = slas_data.history()
    return {
        "p95 over 30 days by hour": percentiles(start, end),
        "compliance of all objectives": compliance(start, end),
        "a client's month": month(start, end),
        "a client's monthly report": report(start, end),
    }


def percentiles(start: datetime, end: datetime) -> tuple[float, float]:
    """p95 of the busiest metric in each hour."""
    from bench.slas_data import METRIC
    from metrics import series
    from metrics.histogram import MAX_RELATIVE_ERROR

    name = f"{METRIC}_0"
    asked = series.Asked(name, start, end, timedelta(hours=1))
    ours, points = timed(lambda: series.points(asked, limit=1000), TIMES)
    plain, rows = timed(lambda: fetched(_P95, {"metric": name, "start": start, "end": end}))
    assert [point.start for point in points] == [hour for hour, _ in rows]
    for point, (_, exact) in zip(points, rows, strict=True):
        assert point.p95 is not None
        assert abs(point.p95 - exact) <= exact * MAX_RELATIVE_ERROR * 1.001
    return ours, plain


def compliance(start: datetime, end: datetime) -> tuple[float, float]:
    """Good and total of every objective and client."""
    from accounts.models import Client
    from slas import windows
    from slas.models import Slo

    clients = list(Client.objects.filter(code__startswith="bench"))
    slos = list(Slo.objects.values_list("pk", flat=True))
    ours, found = timed(
        lambda: {
            (client.pk, slo): sums.counts
            for client in clients
            for slo, sums in windows.sums(client.pk, slos, start, end).items()
        },
        TIMES,
    )
    return ours, from_rows({key: (c.good, c.total) for key, c in found.items()}, start, end)


def month(start: datetime, end: datetime) -> tuple[float, float]:
    """All objectives of a client as its report has them, when the month is over."""
    from accounts.models import Client
    from slas import standing

    client, now = Client.objects.get(code="bench0"), timezone.now()
    ours, found = timed(lambda: standing.standings(client, start, end, now), TIMES)
    counts = {
        (client.pk, one.slo.pk): (one.sums.good, one.sums.total) for one in found if one.sums.total
    }
    return ours, from_rows(counts, start, end)


def report(start: datetime, end: datetime) -> tuple[float, float]:
    """The client's whole monthly report, percentiles included, against its figures from rows."""
    from accounts.models import Client
    from slas import report as reports
    from slas.periods import Period

    client, period = Client.objects.get(code="bench0"), Period(start, end, "the month", "days")
    ours, made = timed(lambda: reports.of(client, period), TIMES)
    values = {"clients": [client.pk], "start": start, "end": end}
    plain, rows = timed(lambda: fetched(_REPORT, values))
    told = [one["counted"] for one in made.content["promises"] if one["counted"]["total"]]
    assert sorted((one["good"], one["total"]) for one in told) == sorted(row[2:4] for row in rows)
    return ours, plain


def from_rows(counts: dict[Any, tuple[int, int]], start: datetime, end: datetime) -> float:
    """How long plain SQL takes for the same counts, which must be the same."""
    clients = sorted({client for client, _ in counts})
    values = {"clients": clients, "start": start, "end": end}
    seconds, rows = timed(lambda: fetched(_COMPLIANCE, values))
    assert {(client, slo): (good, total) for client, slo, good, total in rows} == counts
    return seconds


def fetched(sql: str, values: dict[str, Any]) -> list[Any]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def main(name: str, arguments: list[str]) -> None:
    """Do what is asked and print what was measured."""
    django.setup()
    from bench import slas_data
    from metrics import longer

    result: dict[str, Any] = {}
    if name == "make":
        slas_data.make(int(arguments[0]))
    elif name == "catch_up":
        longer.roll_up_all(timezone.now(), most=100_000)
    elif name == "pass":
        result = evaluation(int(arguments[0]))
    elif name == "forget":
        slas_data.forget(slas_data.history()[1])
    else:
        result = questions()
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
