"""From the commit of an event to the web-hook, by a real Celery worker."""

from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.db import transaction
from django_celery_beat.models import PeriodicTask

from aiosmon.celery import app
from alerts import tasks
from alerts.delivery import nudge
from tests.alerts.delivery.conftest import rows
from tests.alerts.delivery.receiver import until


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_committed_event_reaches_every_channel_without_waiting_for_beat(
    make_alert: Any, make_channel: Any, make_route: Any, make_receiver: Any, event_of: Any,
    settings: Any,
) -> None:  # fmt: skip
    receivers = [make_receiver(), make_receiver()]
    make_route(*(make_channel(receiver.url) for receiver in receivers))
    alert = make_alert()
    settings.AFTER_EVENTS_TASK = tasks.deliver.name
    with start_worker(app, perform_ping_check=False, queues="delivery", shutdown_timeout=20):
        with transaction.atomic():
            event_of(alert)
            assert [receiver.got for receiver in receivers] == [[], []]
        assert until(lambda: all(receiver.got for receiver in receivers), 15)
        assert until(lambda: {row.status for row in rows()} == {"sent"})
    assert [len(receiver.got) for receiver in receivers] == [1, 1]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_is_rolled_back_nudges_nobody(
    make_alert: Any, event_of: Any, monkeypatch: Any
) -> None:
    given: list[int] = []
    monkeypatch.setattr(nudge.nudger, "given", lambda: given.append(1))
    alert = make_alert()
    with transaction.atomic():
        event_of(alert)
        transaction.set_rollback(True)
    assert given == []
    event_of(alert)
    assert given == [1]


@pytest.mark.django_db
def test_a_lost_nudge_is_made_good_by_the_tick() -> None:
    scheduled = PeriodicTask.objects.get(task=tasks.deliver.name)
    assert (scheduled.interval.every, scheduled.interval.period) == (1, "seconds")
    assert scheduled.expire_seconds == 5
    assert PeriodicTask.objects.filter(task=tasks.forget_notifications.name, enabled=True).exists()
