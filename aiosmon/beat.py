"""Celery beat as the portal runs it: the database's schedules, and a heartbeat of its own."""

import logging
import time
from typing import Any

from django.db import Error, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from aiosmon import pulse

SECONDS = 5.0
logger = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # the package has no types
    """Says that it ticks. Without this, a stopped beat and a stopped worker look alike."""

    _said_at = -SECONDS

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; the seconds until the next look."""
        wait: float = super().tick(*args, **kwargs)
        if time.monotonic() - self._said_at >= SECONDS:
            self._say()
        return min(wait, SECONDS)

    def _say(self) -> None:
        try:
            close_old_connections()
            pulse.beat("beat")
        except Error:
            # Silence is what it looks like from outside, and what it should.
            logger.warning("the heartbeat could not be written", exc_info=True)
        else:
            self._said_at = time.monotonic()
