"""OTLP metrics: how far each cumulative series has come, and histogram points as they came."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

POINTS = """
CREATE TABLE histogram_points (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    series UUID NOT NULL,
    start_nano BIGINT NOT NULL,
    time_nano BIGINT NOT NULL,
    minute TIMESTAMP WITH TIME ZONE NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    component VARCHAR(50) NOT NULL,
    service_name VARCHAR(50) NOT NULL,
    query_complexity VARCHAR(20) NOT NULL,
    model VARCHAR(100) NOT NULL,
    measurement_unit VARCHAR(20) NOT NULL,
    total BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    value_sum FLOAT NOT NULL,
    value_min FLOAT,
    value_max FLOAT,
    hist_scale SMALLINT NOT NULL,
    hist_zero BIGINT NOT NULL,
    hist_idx SMALLINT[] NOT NULL,
    hist_cnt BIGINT[] NOT NULL,
    approximate BOOLEAN NOT NULL,
    -- A point that is sent again is recognised by these.
    PRIMARY KEY (client_id, series, start_nano, time_nano)
);
CREATE INDEX histogram_points_by_id ON histogram_points(id);
-- What the roll-up asks for.
CREATE INDEX histogram_points_by_minute ON histogram_points(client_id, metric_name, minute);
-- What the retention and the admin ask for.
CREATE INDEX histogram_points_minutes ON histogram_points USING brin (minute);
"""

SERIES = """
CREATE TABLE otlp_series (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    series UUID NOT NULL,
    start_nano BIGINT NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    component VARCHAR(50) NOT NULL,
    service_name VARCHAR(50) NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last JSONB,
    PRIMARY KEY (client_id, series, start_nano)
)
-- Every point updates its row; nothing indexed changes, so that it stays in its page.
WITH (fillfactor = 70);
CREATE INDEX otlp_series_by_id ON otlp_series(id);
"""


def drop(table):
    return f"DROP TABLE {table}"


CLIENT = (
    "client",
    models.ForeignKey(
        db_constraint=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        to="accounts.client",
    ),
)
SERIES_HELP = "Resource, scope, metric and attributes, as a hash."
START_HELP = "As sent: ns since 1970, 0 if not known."


class Migration(migrations.Migration):
    dependencies = [("metrics", "0006_otlp")]

    operations = [
        migrations.AddField(
            model_name="minuterollup",
            name="approximate",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Part of it came in other buckets and was spread over ours.",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(POINTS, drop("histogram_points"))],
            state_operations=[
                migrations.CreateModel(
                    name="HistogramPoint",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("series", models.UUIDField(help_text=SERIES_HELP)),
                        ("start_nano", models.BigIntegerField("start (ns)", help_text=START_HELP)),
                        (
                            "time_nano",
                            models.BigIntegerField("end (ns)", help_text="As sent: ns since 1970."),
                        ),
                        ("minute", models.DateTimeField()),
                        ("metric_name", models.CharField(max_length=100)),
                        ("component", models.CharField(max_length=50)),
                        ("service_name", models.CharField(max_length=50)),
                        (
                            "query_complexity",
                            models.CharField(help_text="Empty: none was sent.", max_length=20),
                        ),
                        ("model", models.CharField(help_text="May be empty.", max_length=100)),
                        ("measurement_unit", models.CharField(max_length=20)),
                        ("total", models.BigIntegerField(help_text="Values in it.")),
                        (
                            "succeeded",
                            models.BigIntegerField(
                                help_text="All of them, or none: error.type marks failures."
                            ),
                        ),
                        ("value_sum", models.FloatField(help_text="In the unit.")),
                        ("value_min", models.FloatField(null=True)),
                        ("value_max", models.FloatField(null=True)),
                        ("hist_scale", models.SmallIntegerField()),
                        ("hist_zero", models.BigIntegerField(help_text="Values of 0 or less.")),
                        (
                            "hist_idx",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.SmallIntegerField(), size=None
                            ),
                        ),
                        (
                            "hist_cnt",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), size=None
                            ),
                        ),
                        (
                            "approximate",
                            models.BooleanField(
                                help_text="Its buckets had to be spread over ours."
                            ),
                        ),
                        CLIENT,
                    ],
                    options={"verbose_name": "histogram point", "db_table": "histogram_points"},
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(SERIES, drop("otlp_series"))],
            state_operations=[
                migrations.CreateModel(
                    name="OtlpSeries",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("series", models.UUIDField(help_text=SERIES_HELP)),
                        ("start_nano", models.BigIntegerField("start (ns)", help_text=START_HELP)),
                        ("metric_name", models.CharField(max_length=100)),
                        ("component", models.CharField(max_length=50)),
                        ("service_name", models.CharField(max_length=50)),
                        (
                            "updated_at",
                            models.DateTimeField(help_text="When a point of it last came."),
                        ),
                        (
                            "last",
                            models.JSONField(
                                help_text="Time (ns) and value of the last point.", null=True
                            ),
                        ),
                        CLIENT,
                    ],
                    options={
                        "verbose_name": "cumulative series",
                        "verbose_name_plural": "cumulative series",
                        "db_table": "otlp_series",
                    },
                ),
            ],
        ),
    ]
