"""The Celery application: worker and beat start from here (`celery -A aiosmon`)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiosmon.settings")

app = Celery("aiosmon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
