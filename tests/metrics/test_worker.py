"""Beat's tasks through the real broker and a real worker."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accounts.models import Client
from aiosmon.celery import app
from aiosmon.models import Heartbeat
from metrics.models import PerformanceMetric, Probe
from metrics.tasks import dispatch_probes, maintain
from tests.metrics.target import Target, reply


def test_beat_sends_only_tasks_that_exist(db: None) -> None:
    app.loader.import_default_modules()
    sent = set(PeriodicTask.objects.values_list("task", flat=True))
    assert {"metrics.tasks.dispatch_probes", "aiosmon.tasks.heartbeat"} <= sent
    assert sent - {"celery.backend_cleanup"} <= set(app.tasks)


def test_a_tick_that_nobody_took_expires(db: None) -> None:
    ticks = PeriodicTask.objects.exclude(task="celery.backend_cleanup")
    for tick in ticks.select_related("interval"):
        assert tick.expire_seconds, tick.name


@pytest.fixture
def worker(transactional_db: None) -> Iterator[Any]:
    """A Celery worker of both queues, in a thread, over the run's own broker."""
    app.control.purge()
    with start_worker(
        app, pool="solo", perform_ping_check=False, queues=["celery", "probes"], loglevel="ERROR"
    ) as started:
        yield started


def wait_for(condition: Any, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)  # between two looks


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_due_probe_is_run_by_a_worker(worker: Any, target: Target) -> None:
    target.answers["/f"] = reply({})
    probe = Probe.objects.create(
        name="p",
        kind="user_feedback",
        target=target.url("/f"),
        payload={"feedback": "ok"},
        component="user_interface",
        client=Client.objects.get(code="platform"),
    )
    dispatch_probes.delay()
    wait_for(PerformanceMetric.objects.exists)
    wait_for(lambda: Probe.objects.filter(pk=probe.pk, claim=None, last_outcome="ok").exists())
    assert PerformanceMetric.objects.get().metadata["probe"] == "p"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_heartbeat_reaches_the_database(worker: Any) -> None:
    before = timezone.now()
    app.send_task("aiosmon.tasks.heartbeat")
    wait_for(lambda: Heartbeat.objects.filter(name="worker", seen_at__gte=before).exists())


def test_upkeep_says_what_it_did(db: None) -> None:
    maintain()
    assert not any(maintain().values())
