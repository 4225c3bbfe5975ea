"""Promise: judging all promises costs by their number, not by history.

200 objectives, each with events every five minutes of each of four clients: first four days of
SLI minutes and hours, then thirty. What an evaluation reads (not the counting of new rows: that
is bench.slas) must take as long with either.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

from bench import servers

SHORT, LONG = 4, 30  # days
TIMES = 7
SAME = 0.2
EVERY = 5  # minutes
_MINUTES = """
INSERT INTO sli_minutes (client_id, slo_id, minute, version_id, good, total, value_sum, value_max)
SELECT c.id, v.slo_id, m, v.id, 20, 20, 20000, 2000
FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz, %(step)s) AS m,
    clients c, slo_versions v
WHERE c.code LIKE 'bench%%' AND v.valid_until IS NULL AND m < %(until)s
"""
_HOURS = """
INSERT INTO sli_hours (client_id, slo_id, hour, good, total, value_sum, value_max)
SELECT client_id, slo_id, date_trunc('hour', minute), sum(good), sum(total), sum(value_sum),
    max(value_max)
FROM sli_minutes WHERE minute >= %(since)s AND minute < %(until)s GROUP BY 1, 2, 3
"""


def run() -> bool:
    """Print the seconds of a pass with little and much history; True when they are the same."""
    with servers.database() as url:
        environment = servers.environment(url)
        argv = [sys.executable, "-m", "bench.evaluating"]
        done = subprocess.run(
            argv, cwd=servers.CHECKOUT, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    ratio = found["long"] / found["short"]
    print(
        f"  {found['findings']} findings in {found['statements']} statements: "
        f"{found['short']:.2f} s with {SHORT} days of history, {found['long']:.2f} s with {LONG}   "
        f"ratio {ratio:.2f}   promise {1 - SAME:g} to {1 + SAME:g}"
    )
    return 1 - SAME <= ratio <= 1 + SAME


def main() -> None:
    """In a process of the portal: make the history, judge, print JSON."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from accounts.models import Client
    from bench import slas_data
    from slas import evaluating, objectives

    for number in range(slas_data.CLIENTS):
        Client.objects.create(code=f"bench{number}", name=f"Bench {number}")
    slas_data.promise()
    now = timezone.now()
    end = now.replace(second=0, microsecond=0)
    promised = objectives.enabled()

    def fill(first: int, last: int) -> None:
        span = {"since": end - timedelta(days=first), "until": end - timedelta(days=last)}
        span = {name: at.replace(minute=0) if at < end else at for name, at in span.items()}
        with connection.cursor() as cursor:
            cursor.execute(_MINUTES, {**span, "step": timedelta(minutes=EVERY)})
            cursor.execute(_HOURS, span)
            cursor.execute("VACUUM ANALYZE sli_minutes, sli_hours")

    def judged() -> float:
        seconds = []
        for _ in range(TIMES):
            began = time.perf_counter()
            evaluating.evaluate(promised, now)
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)

    fill(SHORT, 0)
    short = judged()
    fill(LONG, SHORT)
    long = judged()
    with CaptureQueriesContext(connection) as queries:
        findings = len(evaluating.evaluate(promised, now))
    told = {"short": short, "long": long, "findings": findings, "statements": len(queries)}
    print(json.dumps(told))


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiosmon.settings")
    django.setup()
    main()
