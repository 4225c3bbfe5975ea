"""Roll-ups and SLIs equal a recount although workers race each other and are killed."""

import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Client
from metrics import longer, rollups
from metrics.models import ChangedMinute, PendingHour, PendingMinute, PerformanceMetric
from slas import slis, versions
from slas.models import SloVersion
from tests.metrics import recount as rollup_recount
from tests.slas import processes, recount

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
SEED = 7
SECONDS = 10.0  # for the server to notice that killed workers are gone


def run(base: datetime, clients: list[int]) -> int:
    """Let the processes loose on the tests' database; how many workers were killed."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    argv = [sys.executable, "-m", "tests.slas.processes", str(SEED), base.isoformat()]
    done = subprocess.run(
        [*argv, *map(str, clients)],
        env={**os.environ, "DATABASE_URL": url.geturl()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def finish() -> None:
    """One more pass: what killed workers held is free as soon as the server has noticed."""
    deadline = time.monotonic() + SECONDS
    while any(marks.objects.exists() for marks in (PendingMinute, ChangedMinute, PendingHour)):
        rollups.roll_up_all()
        slis.count_all()
        longer.roll_up_all(timezone.now())
        assert time.monotonic() < deadline


def test_killed_workers_leave_roll_ups_and_slis_as_a_recount_has_them(
    acme: Client, globex: Client
) -> None:
    versions.sync(timezone.now())
    base = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    clients = [acme.pk, globex.pk]
    assert run(base, clients) > 15
    finish()
    events = [
        event
        for writer in range(processes.WRITERS)
        for batch in processes.batches(SEED, writer, base, clients)
        for event in batch
    ]
    assert PerformanceMetric.objects.count() == len(recount.once(events))
    assert rollup_recount.stored() == rollup_recount.recount()
    held = SloVersion.objects.select_related("slo")
    expected = recount.minutes(events, held)
    assert len(expected) > 1000
    assert recount.stored_minutes() == expected
    assert recount.stored_hours() == recount.hours(expected)
    assert recount.stored_days() == recount.days(expected)
    assert rollup_recount.stored_longer() == rollup_recount.recount_longer()
