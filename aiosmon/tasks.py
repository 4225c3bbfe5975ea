"""The roof's own task: its pulse."""

from celery import shared_task
from django.utils import timezone

from aiosmon.models import Heartbeat


@shared_task
def heartbeat() -> None:
    """Record that beat, broker, worker and database work together."""
    Heartbeat.objects.update_or_create(name="beat", defaults={"seen_at": timezone.now()})
