"""The roof: wires the apps below it."""

from django.apps import AppConfig


class AiosmonConfig(AppConfig):
    """Settings, URLs, health, the front page and the process layer."""

    name = "aiosmon"
    default_auto_field = "django.db.models.BigAutoField"
    role_permissions = {
        "Administrator": {
            "auth.group": ("view",),
            "django_celery_beat.periodictask": ("view", "add", "change", "delete"),
            "django_celery_beat.intervalschedule": ("view", "add", "change", "delete"),
            "django_celery_beat.crontabschedule": ("view", "add", "change", "delete"),
            "django_celery_beat.clockedschedule": ("view", "add", "change", "delete"),
            "django_celery_beat.solarschedule": ("view", "add", "change", "delete"),
        },
    }

    def ready(self) -> None:
        """Load the Celery app, so that `.delay()` works in every process, and the checks."""
        from aiosmon import celery, checks, pulse  # noqa: F401  # importing registers them
