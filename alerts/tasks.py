"""Beat's task over the promises."""

from dataclasses import asdict

from celery import shared_task

from alerts.raising import pipeline


@shared_task
def evaluate() -> dict[str, int] | None:
    """Judge every promise by what is committed, and bring the alerts in line."""
    done = pipeline.run()
    return None if done is None else asdict(done)
