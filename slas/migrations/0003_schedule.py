"""The schedule on which old verdicts are forgotten."""

from django.db import migrations

SECONDS = 3600


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _ = interval_model.objects.get_or_create(every=SECONDS, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Verdicts: forget old",
        defaults={
            "task": "slas.tasks.forget_old_verdicts",
            "interval": interval,
            "expire_seconds": SECONDS,
        },
    )


class Migration(migrations.Migration):
    dependencies = [
        ("slas", "0002_specification"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(schedule, migrations.RunPython.noop)]
