"""When a probe's failures raise an alert, and the way from a probe to its runs."""

import django.core.validators
from django.db import migrations, models

# Only the portal's own rows are in it: it costs services' rows nothing.
INDEX = """
CREATE INDEX ai_performance_metrics_probes
    ON ai_performance_metrics(client_id, (metadata ->> 'probe'), timestamp)
    WHERE synthetic;
"""
BOUNDS = [
    django.core.validators.MinValueValidator(1),
    django.core.validators.MaxValueValidator(100),
]


class Migration(migrations.Migration):
    dependencies = [("metrics", "0011_training")]

    operations = [
        migrations.AddField(
            model_name="probe",
            name="alert_after",
            field=models.PositiveSmallIntegerField(
                db_default=3,
                default=3,
                help_text="An alert opens when so many runs in a row have failed.",
                validators=BOUNDS,
                verbose_name="alert after (failures)",
            ),
        ),
        migrations.AddField(
            model_name="probe",
            name="recover_after",
            field=models.PositiveSmallIntegerField(
                db_default=2,
                default=2,
                help_text="The alert ends when so many runs in a row have succeeded.",
                validators=BOUNDS,
                verbose_name="end after (successes)",
            ),
        ),
        migrations.RunSQL(INDEX, "DROP INDEX ai_performance_metrics_probes"),
    ]
