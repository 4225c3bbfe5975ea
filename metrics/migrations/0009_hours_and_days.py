"""Roll-ups of hours and days, so that long spans are read at once."""

import django.db.models.deletion
from django.db import migrations, models

PENDING = """
CREATE TABLE pending_hours (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (client_id, metric_name, hour)
);
-- What is due, and which hours of a metric are behind.
CREATE INDEX pending_hours_by_hour ON pending_hours(hour);
CREATE INDEX pending_hours_by_metric ON pending_hours(metric_name, hour);
-- What was rolled up before is summed up as well; until then its minutes are read.
INSERT INTO pending_hours (client_id, metric_name, hour)
SELECT DISTINCT client_id, metric_name, date_trunc('hour', minute, 'UTC') FROM minute_rollups;
ANALYZE pending_hours;
"""
COUNTS = """
    total BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    value_sum FLOAT NOT NULL,
    value_min FLOAT,
    value_max FLOAT,
    votes BIGINT NOT NULL,
    votes_sum FLOAT NOT NULL,
    hist_scale SMALLINT NOT NULL,
    hist_zero BIGINT NOT NULL,
    hist_low SMALLINT NOT NULL,
    hist_counts BYTEA NOT NULL,
    approximate BOOLEAN NOT NULL,
    p50 FLOAT,
    p90 FLOAT,
    p95 FLOAT,
    p99 FLOAT"""
OF_SERIES = """
CREATE TABLE {unit}_rollups (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    {unit} TIMESTAMP WITH TIME ZONE NOT NULL,
    component VARCHAR(50) NOT NULL,
    service_name VARCHAR(50) NOT NULL,
    query_complexity VARCHAR(20) NOT NULL,
    model VARCHAR(100) NOT NULL,
    measurement_unit VARCHAR(20) NOT NULL,
    synthetic BOOLEAN NOT NULL,
    {counts},
    PRIMARY KEY (client_id, metric_name, {unit}, component, service_name, query_complexity,
        model, measurement_unit, synthetic)
);
-- Compressed already.
ALTER TABLE {unit}_rollups ALTER COLUMN hist_counts SET STORAGE EXTERNAL;
CREATE INDEX {unit}_rollups_by_id ON {unit}_rollups(id);
CREATE INDEX {unit}_rollups_by_{unit} ON {unit}_rollups USING brin ({unit});
CREATE INDEX {unit}_rollups_by_metric ON {unit}_rollups(metric_name, {unit});
"""
OF_METRIC = f"""
CREATE TABLE metric_hours (
    id BIGSERIAL NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    measurement_unit VARCHAR(20) NOT NULL,
    synthetic BOOLEAN NOT NULL,
    {COUNTS},
    PRIMARY KEY (metric_name, hour, measurement_unit, synthetic)
);
ALTER TABLE metric_hours ALTER COLUMN hist_counts SET STORAGE EXTERNAL;
CREATE INDEX metric_hours_by_id ON metric_hours(id);
CREATE INDEX metric_hours_by_hour ON metric_hours USING brin (hour);
"""


def client():
    return models.ForeignKey(
        db_constraint=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        to="accounts.client",
    )


def counted():
    return [
        ("id", models.BigAutoField(primary_key=True, serialize=False)),
        ("metric_name", models.CharField(max_length=100)),
        ("measurement_unit", models.CharField(max_length=20)),
        ("synthetic", models.BooleanField()),
        ("total", models.BigIntegerField(help_text="Rows in the span.")),
        ("succeeded", models.BigIntegerField(help_text="Rows with success.")),
        ("value_sum", models.FloatField(help_text="Over successful rows, in the unit.")),
        ("value_min", models.FloatField(null=True)),
        ("value_max", models.FloatField(null=True)),
        ("votes", models.BigIntegerField(help_text="Rows with a satisfaction score.")),
        ("votes_sum", models.FloatField()),
        ("hist_scale", models.SmallIntegerField()),
        (
            "hist_zero",
            models.BigIntegerField(help_text="Successful rows with a value of 0 or less."),
        ),
        (
            "hist_low",
            models.SmallIntegerField(help_text="The bucket that the counts begin with."),
        ),
        (
            "hist_counts",
            models.BinaryField(help_text="Counts of the buckets from there on, packed."),
        ),
        (
            "approximate",
            models.BooleanField(
                help_text="Part of it came in other buckets and was spread over ours."
            ),
        ),
        *((name, models.FloatField(null=True)) for name in ("p50", "p90", "p95", "p99")),
    ]


def of_series(name, unit):
    fields = [
        *counted(),
        ("component", models.CharField(max_length=50)),
        ("service_name", models.CharField(max_length=50)),
        ("query_complexity", models.CharField(help_text="Empty: none was sent.", max_length=20)),
        (
            "model",
            models.CharField(
                help_text="The first of ml_models_used; may be empty.", max_length=100
            ),
        ),
        (unit, models.DateTimeField()),
        ("client", client()),
    ]
    table = f"{unit}_rollups"
    sql = OF_SERIES.format(unit=unit, counts=COUNTS)
    return made(name, table, sql, fields, verbose_name=f"{unit} roll-up")


def made(name, table, sql, fields, **options):
    return migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RunSQL(sql, f"DROP TABLE {table}")],
        state_operations=[
            migrations.CreateModel(
                name=name, fields=fields, options={"db_table": table, **options}
            ),
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("metrics", "0008_changed_minutes")]

    operations = [
        made(
            "PendingHour",
            "pending_hours",
            PENDING,
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("metric_name", models.CharField(max_length=100)),
                ("hour", models.DateTimeField()),
                ("client", client()),
            ],
        ),
        of_series("HourRollup", "hour"),
        of_series("DayRollup", "day"),
        made(
            "MetricHour",
            "metric_hours",
            OF_METRIC,
            [*counted(), ("hour", models.DateTimeField())],
            verbose_name="hour of a metric",
            verbose_name_plural="hours of metrics",
        ),
    ]
