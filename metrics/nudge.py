"""New rows are committed: whoever judges them is told at once, rather than at the next tick.

Many commits make one task: a mark in the broker says since when rows wait, and
only who sets it enqueues the task, which takes the mark when it begins. So at
most one task is queued while one runs. A pass that finds nothing may take a tenth of a
core: what it computed for is kept beside the mark, and the next nudge waits ten times
as long. Beat's tick finds whatever a lost nudge did not tell.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from metrics.nudging import Nudger

WAITING, TOOK = "aiosmon:rows-wait-since", "aiosmon:judging-took"
RESTING = "aiosmon:heavy-minutes-rest"
# A task that was lost with its worker must not keep later nudges back for long.
MARK_SECONDS = 5
LEAST_SECONDS, MOST_SECONDS = 0.1, 5.0
# The share of a core that judging news may take, as its inverse.
REST = 10
# Whatever it takes, a breach in them must be told.
MOST_REST_SECONDS = 10.0
TIMEOUT_SECONDS = 2.0
# After a failure the broker is left alone for this long.
PAUSE_SECONDS = 5.0


def tell(store: "redis.Redis", since: float) -> float:
    """Enqueue the task unless one is waiting; return how long to wait before the next (s)."""
    if store.set(WAITING, since, nx=True, ex=MARK_SECONDS):
        current_app.send_task(
            settings.AFTER_ROWS_TASK,
            kwargs={"news_alone": True},
            expires=MARK_SECONDS,
            retry=False,
        )
    took = store.get(TOOK)
    return min(max(REST * float(took or 0), LEAST_SECONDS), MOST_SECONDS)


def take() -> float | None:
    """Since when rows wait (seconds since 1970), for the pass that begins; None: not known."""
    return _since(redis.Redis.getdel)


def waiting() -> float | None:
    """Since when rows wait (seconds since 1970), left for who takes it; None: none known."""
    return _since(redis.Redis.get)


def took(seconds: float) -> None:
    """Say for how long a pass computed."""
    with contextlib.suppress(redis.RedisError):
        _store().set(TOOK, f"{seconds:.4f}", ex=60)


def rest(seconds: float) -> None:
    """Say how long recomputing heavy minutes took: they rest for REST times as long."""
    with contextlib.suppress(redis.RedisError):
        if milliseconds := int(1000 * min(REST * seconds, MOST_REST_SECONDS)):
            _store().set(RESTING, 1, px=milliseconds)


def rests() -> bool:
    """Whether heavy minutes were recomputed a moment ago, for what that took."""
    with contextlib.suppress(redis.RedisError):
        return bool(_store().exists(RESTING))
    return False


nudger = Nudger("nudge", "AFTER_ROWS_TASK", lambda: partial(tell, _store()), PAUSE_SECONDS)


def after_commit() -> None:
    """Call where rows are stored: nudges once the transaction, the outermost one, is committed."""
    transaction.on_commit(nudger.given)


def _since(read: "Callable[[redis.Redis, str], Any]") -> float | None:
    with contextlib.suppress(redis.RedisError):
        found = read(_store(), WAITING)
        return None if found is None else float(found)
    return None


def _store() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL or settings.CELERY_BROKER_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
