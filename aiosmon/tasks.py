"""The roof's own tasks: its pulse, its own promises, and the ping to the outside."""

from celery import shared_task
from django.utils import timezone

from aiosmon import deadman, pulse, self_metrics


@shared_task
def heartbeat(name: str = "worker") -> None:
    """Record that beat, broker, the worker of this queue and the database work together."""
    pulse.beat(name)


@shared_task
def report_own_metrics() -> int:
    """Store the portal's own measurements."""
    return self_metrics.report(timezone.now())


@shared_task
def ping_outside() -> str:
    """Ping the dead-man's switch when it is time."""
    return deadman.ping(timezone.now())
