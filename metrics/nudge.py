"""New rows are committed: whoever judges them is told at once, rather than at the next tick.

Many commits make one task: a mark in the broker says since when rows wait, and
only who sets it enqueues the task, which takes the mark when it begins. So at
most one task is queued while one runs. A pass that finds nothing may take a tenth of
the time: what it took is kept beside the mark, and the next nudge waits ten times
as long. Beat's tick finds whatever a lost nudge did not tell.
"""

import contextlib
import logging
import os
import threading
import time

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

WAITING, TOOK = "aiosmon:rows-wait-since", "aiosmon:judging-took"
# A task that was lost with its worker must not keep later nudges back for long.
MARK_SECONDS = 5
LEAST_SECONDS, MOST_SECONDS = 0.1, 5.0
# The share of the time that judging news may take, as its inverse.
REST = 10
TIMEOUT_SECONDS = 2.0
# After a failure the broker is left alone for this long.
PAUSE_SECONDS = 5.0


class Nudger:
    """One thread a process: commits only set a flag, the thread talks to the broker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._since: float | None = None
        self._pid = 0

    def given(self) -> None:
        """Rows have just been committed. Never blocks, never raises."""
        if not settings.AFTER_ROWS_TASK:
            return
        with self._lock:
            if self._since is None:
                self._since = time.time()
            if self._pid != os.getpid():
                # A forked process has its parent's flag, but not its thread.
                self._pid, self._news = os.getpid(), threading.Event()
                threading.Thread(target=self._run, name="nudge", daemon=True).start()
        self._news.set()

    def _run(self) -> None:
        news, store = self._news, _store()
        while True:
            news.wait()
            news.clear()
            with self._lock:
                since, self._since = self._since, None
            if since is None:
                continue
            try:
                pause = tell(store, since)
            except (redis.RedisError, BrokerError, OSError) as error:
                logger.warning("judging could not be nudged: %s", error)
                pause = PAUSE_SECONDS
            time.sleep(pause)


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
    with contextlib.suppress(redis.RedisError):
        found = _store().getdel(WAITING)
        return None if found is None else float(found)
    return None


def took(seconds: float) -> None:
    """Say how long a pass took."""
    with contextlib.suppress(redis.RedisError):
        _store().set(TOOK, f"{seconds:.4f}", ex=60)


nudger = Nudger()


def after_commit() -> None:
    """Call where rows are stored: nudges once the transaction, the outermost one, is committed."""
    transaction.on_commit(nudger.given)


def _store() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL or settings.CELERY_BROKER_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
