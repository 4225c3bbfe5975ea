"""The schedule on which SLIs are counted."""

from django.db import migrations

SECONDS = 5


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _ = interval_model.objects.get_or_create(every=SECONDS, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="SLIs: count",
        defaults={
            "task": "slas.tasks.count_slis",
            "interval": interval,
            "expire_seconds": SECONDS,
        },
    )


class Migration(migrations.Migration):
    dependencies = [
        ("slas", "0004_slos"),
        ("metrics", "0008_changed_minutes"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(schedule, migrations.RunPython.noop)]
