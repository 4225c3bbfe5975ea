"""Every part's heartbeat, the portal's own measurements, and the ping to the outside."""

from django.db import migrations, models

# name, task, seconds, queue, arguments
SCHEDULES = [
    ("Pulse: worker", "aiosmon.tasks.heartbeat", 5, None, '["worker"]'),
    ("Pulse: probe worker", "aiosmon.tasks.heartbeat", 5, "probes", '["probes"]'),
    # On the probes' threads: they still tell of a worker that is busy, and may wait for a network.
    ("Own measurements", "aiosmon.tasks.report_own_metrics", 10, "probes", "[]"),
    ("Dead-man's switch", "aiosmon.tasks.ping_outside", 5, "probes", "[]"),
]
OLD = "Pulse: beat, broker, worker, database"


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    task_model = apps.get_model("django_celery_beat", "PeriodicTask")
    task_model.objects.filter(name=OLD).delete()
    for name, task, seconds, queue, args in SCHEDULES:
        interval, _ = interval_model.objects.get_or_create(every=seconds, period="seconds")
        defaults = {"task": task, "interval": interval, "queue": queue, "args": args}
        task_model.objects.get_or_create(name=name, defaults={**defaults, "expire_seconds": 10})


class Migration(migrations.Migration):
    dependencies = [
        ("aiosmon", "0002_pulse"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadManPing",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, primary_key=True, serialize=False
                    ),
                ),
                ("tried_at", models.DateTimeField(null=True)),
                (
                    "pinged_at",
                    models.DateTimeField(
                        help_text="When the other side last took one.", null=True
                    ),
                ),
                ("held_back", models.BooleanField(default=False)),
                (
                    "result",
                    models.CharField(
                        blank=True, default="", help_text="Empty: taken.", max_length=200
                    ),
                ),
            ],
            options={
                "db_table": "deadman_pings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("pk", 1)), name="deadman_is_one"
                    )
                ],
            },
        ),
        migrations.RunPython(schedule, migrations.RunPython.noop),
    ]
