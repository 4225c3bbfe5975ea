"""Rolled-up minutes that others count from: the objectives' SLIs."""

import django.db.models.deletion
from django.db import migrations, models

MINUTES = """
CREATE TABLE changed_minutes (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    minute TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (client_id, id)
);
CREATE INDEX changed_minutes_by_minute ON changed_minutes(minute, client_id, metric_name);
-- What was rolled up before is counted as well.
INSERT INTO changed_minutes (client_id, metric_name, minute)
SELECT DISTINCT client_id, metric_name, minute FROM minute_rollups;
"""


class Migration(migrations.Migration):
    dependencies = [("metrics", "0007_otlp_metrics")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(MINUTES, "DROP TABLE changed_minutes")],
            state_operations=[
                migrations.CreateModel(
                    name="ChangedMinute",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("metric_name", models.CharField(max_length=100)),
                        ("minute", models.DateTimeField()),
                        (
                            "client",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                to="accounts.client",
                            ),
                        ),
                    ],
                    options={"db_table": "changed_minutes"},
                ),
            ],
        ),
    ]
