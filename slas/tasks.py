"""Beat's task over the verdicts."""

from celery import shared_task
from django.utils import timezone

from slas import compliance


@shared_task
def forget_old_verdicts() -> int:
    """Delete verdicts past their retention; return how many."""
    return compliance.forget_old(timezone.now())
