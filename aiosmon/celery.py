"""The Celery application: worker and beat start from here (`celery -A aiosmon`)."""

import os
import warnings

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiosmon.settings")

if "AIOSMON_SUPERVISOR_PID" in os.environ:
    # `make run` as root, say in a container, is what its user chose: a warning doesn't help.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")

app = Celery("aiosmon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
