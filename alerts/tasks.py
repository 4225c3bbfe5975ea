"""Beat's tasks: judge the promises, and bring alerts in line with time."""

from dataclasses import asdict

from celery import shared_task

from alerts.raising import evaluation
from alerts.triage import settling


@shared_task
def evaluate() -> dict[str, int] | None:
    """Judge every promise and bring the alerts in line."""
    done = evaluation.evaluate()
    return None if done is None else asdict(done)


@shared_task
def settle() -> dict[str, int] | None:
    """Fire, suppress, release and end what time does to alerts."""
    done = settling.settle()
    return None if done is None else asdict(done)
