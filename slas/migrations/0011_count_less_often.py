"""Every evaluation counts what came in: the schedule of its own is left for when none runs.

What it claimed, an evaluation under way would not know to have changed.
"""

from django.db import migrations

TASK, SECONDS = "slas.tasks.count_slis", 30


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _ = interval_model.objects.get_or_create(every=SECONDS, period="seconds")
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(task=TASK)
    # Whoever chose another interval keeps it.
    tasks.filter(interval__every=5, interval__period="seconds").update(interval=interval)


class Migration(migrations.Migration):
    dependencies = [
        ("slas", "0010_criticality"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(schedule, migrations.RunPython.noop)]
