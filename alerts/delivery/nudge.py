"""Something is to be told: the delivery worker hears at once, rather than at the next tick.

Commits only set a flag; one thread a process talks to the broker, so that nobody
waits for it. Beat's tick finds whatever a lost nudge did not tell.
"""

import logging
import os
import threading
import time

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError

logger = logging.getLogger(__name__)

EXPIRES_SECONDS = 5
# Commits this close together make one task.
REST_SECONDS = 0.02
# After a failure the broker is left alone for this long.
PAUSE_SECONDS = 2.0


class Nudger:
    """Tells the broker that events wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._pid = 0

    def given(self) -> None:
        """An event has just been committed. Never blocks, never raises."""
        if not settings.AFTER_EVENTS_TASK:
            return
        with self._lock:
            if self._pid != os.getpid():
                # A forked process has its parent's flag, but not its thread.
                self._pid, self._news = os.getpid(), threading.Event()
                threading.Thread(target=self._run, name="delivery nudge", daemon=True).start()
        self._news.set()

    def _run(self) -> None:
        news = self._news
        while True:
            news.wait()
            news.clear()
            pause = REST_SECONDS
            try:
                tell()
            except (BrokerError, OSError) as error:
                logger.warning("delivery could not be nudged: %s", error)
                pause = PAUSE_SECONDS
            time.sleep(pause)


def tell() -> None:
    """Enqueue the task. Raises when the broker can't be reached."""
    current_app.send_task(settings.AFTER_EVENTS_TASK, expires=EXPIRES_SECONDS, retry=False)


nudger = Nudger()


def after_commit() -> None:
    """Call where an AlertEvent or Notification is written: nudges once it is committed."""
    transaction.on_commit(nudger.given)
