"""The schedule of the portal's pulse."""

from django.db import migrations

SECONDS = 5


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _ = interval_model.objects.get_or_create(every=SECONDS, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Pulse: beat, broker, worker, database",
        defaults={"task": "aiosmon.tasks.heartbeat", "interval": interval, "expire_seconds": 10},
    )


class Migration(migrations.Migration):
    dependencies = [
        ("aiosmon", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(schedule, migrations.RunPython.noop)]
