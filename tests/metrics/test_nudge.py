"""Committed rows are told of at once, and only once while nobody has begun with them."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as portal
from django.db import transaction

from accounts.models import Client
from metrics import nudge

QUEUE = "celery"


@pytest.fixture
def store(settings: Any) -> Iterator["redis.Redis"]:
    """The broker, which no worker reads from now."""
    settings.AFTER_ROWS_TASK = "alerts.tasks.evaluate"
    found = redis.Redis.from_url(portal.REDIS_URL)
    found.delete(QUEUE, nudge.WAITING, nudge.TOOK)
    yield found
    found.delete(QUEUE, nudge.WAITING, nudge.TOOK)


def test_many_commits_make_one_task_until_somebody_begins(store: "redis.Redis") -> None:
    for since in (100.0, 101.0, 102.0):
        nudge.tell(store, since)
    assert store.llen(QUEUE) == 1
    assert nudge.take() == 100.0
    nudge.tell(store, 103.0)
    assert (store.llen(QUEUE), nudge.take(), nudge.take()) == (2, 103.0, None)


@pytest.mark.parametrize(("took", "pause"), [(None, 0.1), (0.001, 0.1), (0.07, 0.7), (9, 5.0)])
def test_judging_may_take_a_tenth_of_the_time(
    store: "redis.Redis", took: float | None, pause: float
) -> None:
    if took is not None:
        nudge.took(took)
    assert nudge.tell(store, 100.0) == pytest.approx(pause)


def test_a_mark_whose_task_was_lost_ends_by_itself(store: "redis.Redis") -> None:
    nudge.tell(store, 100.0)
    assert 0 < store.ttl(nudge.WAITING) <= nudge.MARK_SECONDS


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_rows_nudge_when_their_transaction_is_committed(
    store: "redis.Redis", acme: Client, make_rows: Callable[..., Any]
) -> None:
    with transaction.atomic():
        make_rows(acme, [100])
        before = time.time()
    deadline = time.monotonic() + 10
    while not store.llen(QUEUE) and time.monotonic() < deadline:
        time.sleep(0.005)
    since = nudge.take()
    assert since is not None
    assert since >= before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_rows_are_stored_while_the_broker_is_gone(
    settings: Any, acme: Client, make_rows: Callable[..., Any]
) -> None:
    settings.AFTER_ROWS_TASK = "alerts.tasks.evaluate"
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert len(make_rows(acme, [100])) == 1
    assert nudge.take() is None
