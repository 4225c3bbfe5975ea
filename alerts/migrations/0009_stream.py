"""The events' order as a stream, and alerts of other systems with their end."""

from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Cast

SECONDS = 5


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _ = interval_model.objects.get_or_create(every=SECONDS, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Alerts of other systems: those not told again",
        defaults={"task": "alerts.tasks.expire_external", "interval": interval, "expire_seconds": 10},
    )


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0008_triage"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="alertevent",
            name="transaction",
            field=models.BigIntegerField(
                db_default=Cast(
                    Cast(models.Func(function="pg_current_xact_id"), models.TextField()),
                    models.BigIntegerField(),
                ),
                editable=False,
                help_text="The transaction that wrote it: the stream's order, in which none is missed.",
            ),
        ),
        migrations.AddIndex(
            model_name="alertevent",
            index=models.Index(fields=["transaction", "id"], name="alert_events_stream"),
        ),
        migrations.AddField(
            model_name="alert",
            name="ends_at",
            field=models.DateTimeField(
                null=True,
                help_text="Of an alert from another system: it is over then unless told again.",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(
                    ("ends_at__isnull", False), models.Q(("status", "resolved"), _negated=True)
                ),
                fields=["ends_at"],
                name="alerts_to_end",
            ),
        ),
        migrations.RunPython(schedule, migrations.RunPython.noop),
    ]
