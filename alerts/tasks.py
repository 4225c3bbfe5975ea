"""Beat's tasks: judge the promises, and bring alerts in line with time."""

from dataclasses import asdict

from celery import shared_task
from django.utils import timezone

from alerts.raising import pipeline
from alerts.receiving import store
from alerts.triage import settling


@shared_task
def evaluate() -> dict[str, int] | None:
    """Judge every promise by what is committed, and bring the alerts in line."""
    done = pipeline.run()
    return None if done is None else asdict(done)


@shared_task
def expire_external() -> int:
    """Resolve alerts of other systems that were not told again in time."""
    return store.expire(timezone.now())


@shared_task
def settle() -> dict[str, int] | None:
    """Fire, suppress, release and end what time does to alerts."""
    done = settling.settle()
    return None if done is None else asdict(done)
