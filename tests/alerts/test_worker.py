"""The evaluation, taken from the broker by a real Celery worker."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django_celery_beat.models import PeriodicTask

from accounts.models import Client
from aiosmon.celery import app
from alerts.models import Alert
from alerts.tasks import evaluate
from metrics import tasks as metrics_tasks
from slas import tasks as slas_tasks


def _until(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return met


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_worker_takes_the_evaluation_from_the_broker(
    acme: Client, make_rows: Callable[..., Any]
) -> None:
    make_rows(acme, [4000] * 5)
    # A queue of its own: another worker on this broker must not take the task.
    queue = f"tests-{uuid.uuid4()}"
    with start_worker(app, perform_ping_check=False, queues=queue, shutdown_timeout=20):
        evaluate.apply_async(queue=queue)
        assert _until(Alert.objects.exists)
    assert Alert.objects.get().objective == "sla:simple_queries:latency"


@pytest.mark.django_db
def test_every_schedule_names_a_task_that_a_worker_knows() -> None:
    app.loader.import_default_modules()
    scheduled = set(PeriodicTask.objects.values_list("task", flat=True))
    known = {evaluate.name, metrics_tasks.maintain.name, slas_tasks.forget_old_verdicts.name}
    assert known <= scheduled
    assert {name for name in scheduled if name not in app.tasks} == set()


@pytest.mark.django_db
def test_the_evaluation_is_scheduled_every_five_seconds_and_never_piles_up() -> None:
    scheduled = PeriodicTask.objects.get(task=evaluate.name)
    assert (scheduled.interval.every, scheduled.interval.period) == (5, "seconds")
    assert scheduled.enabled
    assert scheduled.expire_seconds == 10
