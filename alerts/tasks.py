"""Beat's tasks over the promises and their alerts."""

from dataclasses import asdict

from celery import shared_task
from django.utils import timezone

from alerts.delivery import escalation
from alerts.raising import evaluation
from alerts.triage import lifecycle


@shared_task
def evaluate() -> dict[str, int] | None:
    """Judge every promise and bring the alerts in line."""
    done = evaluation.evaluate()
    return None if done is None else asdict(done)


@shared_task
def expire_acknowledgements() -> int:
    """Let alerts fire again whose acknowledgement has ended."""
    return lifecycle.expire_acknowledgements(timezone.now())


@shared_task
def escalate() -> int:
    """Tell further people of alerts that nobody takes on."""
    return escalation.tick(timezone.now())
