"""The specification's index, whose name Django refuses, and the evaluation's schedule."""

from django.db import migrations

UNRESOLVED = """
CREATE INDEX idx_ai_performance_alerts_unresolved
    ON ai_performance_alerts(resolved, severity) WHERE resolved = FALSE
"""
SECONDS = 5


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _ = interval_model.objects.get_or_create(every=SECONDS, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Evaluation: verdicts and alerts",
        defaults={"task": "alerts.tasks.evaluate", "interval": interval, "expire_seconds": 10},
    )


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.RunSQL(
            UNRESOLVED, "DROP INDEX idx_ai_performance_alerts_unresolved"
        ),
        migrations.RunPython(schedule, migrations.RunPython.noop),
    ]
