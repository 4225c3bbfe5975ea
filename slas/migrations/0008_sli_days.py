"""Sums of SLI hours by day, so that long spans are read at once."""

import django.db.models.deletion
from django.db import migrations, models

DAYS = """
CREATE TABLE sli_days (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    slo_id BIGINT NOT NULL,
    day TIMESTAMP WITH TIME ZONE NOT NULL,
    good BIGINT NOT NULL,
    total BIGINT NOT NULL,
    value_sum FLOAT NOT NULL,
    value_max FLOAT NOT NULL,
    PRIMARY KEY (client_id, slo_id, day)
);
CREATE INDEX sli_days_by_id ON sli_days(id);
CREATE INDEX sli_days_by_day ON sli_days(day);
-- What was counted before is summed up as well; nothing is counted meanwhile.
LOCK TABLE sli_hours IN SHARE MODE;
INSERT INTO sli_days (client_id, slo_id, day, good, total, value_sum, value_max)
SELECT client_id, slo_id, date_trunc('day', hour, 'UTC'), sum(good), sum(total), sum(value_sum),
    max(value_max)
FROM sli_hours GROUP BY 1, 2, 3;
"""


class Migration(migrations.Migration):
    dependencies = [("slas", "0007_exclusions")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DAYS, "DROP TABLE sli_days")],
            state_operations=[
                migrations.CreateModel(
                    name="SliDay",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("day", models.DateTimeField()),
                        ("good", models.BigIntegerField()),
                        ("total", models.BigIntegerField()),
                        ("value_sum", models.FloatField()),
                        ("value_max", models.FloatField()),
                        (
                            "client",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                to="accounts.client",
                            ),
                        ),
                        (
                            "slo",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                to="slas.slo",
                            ),
                        ),
                    ],
                    options={"db_table": "sli_days"},
                ),
            ],
        ),
    ]
