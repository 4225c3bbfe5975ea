"""Beat's task over the promises."""

from dataclasses import asdict

from celery import shared_task

from alerts.raising import evaluation


@shared_task
def evaluate() -> dict[str, int] | None:
    """Judge every promise and bring the alerts in line."""
    done = evaluation.evaluate()
    return None if done is None else asdict(done)
