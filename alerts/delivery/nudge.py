"""Something is to be told: the delivery worker hears at once, rather than at the next tick."""

from celery import current_app
from django.conf import settings
from django.db import transaction

from metrics.nudging import Nudger

EXPIRES_SECONDS = 5
# Commits this close together make one task.
REST_SECONDS = 0.02
# After a failure the broker is left alone for this long.
PAUSE_SECONDS = 2.0


def tell(_since: float) -> float:
    """Enqueue the task; return how long to wait before the next (s). Raises without a broker."""
    current_app.send_task(settings.AFTER_EVENTS_TASK, expires=EXPIRES_SECONDS, retry=False)
    return REST_SECONDS


nudger = Nudger("delivery nudge", "AFTER_EVENTS_TASK", lambda: tell, PAUSE_SECONDS)


def after_commit() -> None:
    """Call where an AlertEvent or Notification is written: nudges once it is committed."""
    transaction.on_commit(nudger.given)
