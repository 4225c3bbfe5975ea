"""Beat's tasks over the promises."""

from celery import shared_task
from django.utils import timezone

from slas import compliance, slis, versions


@shared_task
def forget_old_verdicts() -> int:
    """Delete verdicts and SLIs past their retention; return how many."""
    now = timezone.now()
    return compliance.forget_old(now) + slis.forget_old(now)


@shared_task
def count_slis() -> int:
    """Bring the objectives' versions in line, and count the minutes that changed."""
    versions.sync(timezone.now())
    return slis.count_all()
