"""Votes are kept longer than rows: corrections are what models learn from."""

from datetime import datetime, timedelta

from django.conf import settings

from metrics.models import Feedback


def forget_old(now: datetime) -> int:
    """Delete votes past FEEDBACK_RETENTION_DAYS; return how many."""
    oldest = now - timedelta(days=settings.FEEDBACK_RETENTION_DAYS)
    return Feedback.objects.filter(submitted_at__lt=oldest).delete()[0]
