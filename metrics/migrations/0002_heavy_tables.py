"""The heavy tables, made in SQL: partitions, composite keys and the specification's index names.

For Django they are ordinary models with a single-column key, so that the admin,
COPY and test databases work and `makemigrations` stays clean.

client_id is NOT NULL and in every primary key, no foreign key is deferrable and
there are no triggers, so that the tables can be distributed by client_id later.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ROWS = """
CREATE TABLE ai_performance_metrics (
    id BIGSERIAL NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    metric_category VARCHAR(50) NOT NULL,
    metric_value FLOAT NOT NULL,
    measurement_unit VARCHAR(20) NOT NULL,
    component VARCHAR(50) NOT NULL,
    service_name VARCHAR(50) NOT NULL,
    endpoint_path VARCHAR(255),
    user_id INTEGER REFERENCES users(id),
    client_id INTEGER NOT NULL REFERENCES clients(id),
    request_id VARCHAR(100),
    query_complexity VARCHAR(20),
    ml_models_used JSONB,
    user_satisfaction_score FLOAT,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
    metadata JSONB,
    success BOOLEAN NOT NULL DEFAULT TRUE,
    synthetic BOOLEAN NOT NULL DEFAULT FALSE,
    event_id UUID,
    PRIMARY KEY (client_id, timestamp, id)
) PARTITION BY RANGE (timestamp);

CREATE TABLE ai_performance_metrics_default PARTITION OF ai_performance_metrics DEFAULT;

-- A row that is sent again is recognised by these four, for as long as it is kept. The metric is
-- among them: a service may name two metrics of one request by the request's UUID.
CREATE UNIQUE INDEX ai_performance_metrics_events
    ON ai_performance_metrics(client_id, timestamp, event_id, metric_name)
    WHERE event_id IS NOT NULL;

-- Ids grow with time, so a block range index finds a single row for next to nothing.
CREATE INDEX ai_performance_metrics_ids ON ai_performance_metrics USING brin (id)
    WITH (pages_per_range = 16);
CREATE INDEX ai_performance_metrics_requests ON ai_performance_metrics(request_id)
    WHERE request_id IS NOT NULL;

CREATE INDEX idx_ai_performance_metrics_timestamp ON ai_performance_metrics(timestamp);
CREATE INDEX idx_ai_performance_metrics_component
    ON ai_performance_metrics(component, metric_name);
CREATE INDEX idx_ai_performance_metrics_client ON ai_performance_metrics(client_id);
CREATE INDEX idx_ai_performance_user_satisfaction
    ON ai_performance_metrics(user_satisfaction_score)
    WHERE user_satisfaction_score IS NOT NULL;
"""

PENDING = """
CREATE TABLE pending_minutes (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    minute TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (client_id, id)
);
CREATE INDEX pending_minutes_by_key ON pending_minutes(client_id, metric_name, minute);
"""

ROLLUPS = """
CREATE TABLE minute_rollups (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    minute TIMESTAMP WITH TIME ZONE NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    component VARCHAR(50) NOT NULL,
    service_name VARCHAR(50) NOT NULL,
    query_complexity VARCHAR(20) NOT NULL,
    model VARCHAR(100) NOT NULL,
    measurement_unit VARCHAR(20) NOT NULL,
    synthetic BOOLEAN NOT NULL,
    total BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    value_sum FLOAT NOT NULL,
    value_min FLOAT,
    value_max FLOAT,
    votes BIGINT NOT NULL,
    votes_sum FLOAT NOT NULL,
    hist_scale SMALLINT NOT NULL,
    hist_zero BIGINT NOT NULL,
    hist_idx SMALLINT[] NOT NULL,
    hist_cnt BIGINT[] NOT NULL,
    PRIMARY KEY (client_id, minute, metric_name, component, service_name, query_complexity,
        model, measurement_unit, synthetic)
);
CREATE INDEX minute_rollups_by_id ON minute_rollups(id);
CREATE INDEX minute_rollups_by_minute ON minute_rollups(minute);
"""


def drop(table):
    return f"DROP TABLE {table}"


class Migration(migrations.Migration):
    dependencies = [("metrics", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ROWS, drop("ai_performance_metrics"))],
            state_operations=[
                migrations.CreateModel(
                    name="PerformanceMetric",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("metric_name", models.CharField(max_length=100)),
                        (
                            "metric_category",
                            models.CharField(
                                choices=[
                                    ("ai_query", "AI query"),
                                    ("ml_inference", "ML inference"),
                                    ("user_feedback", "User feedback"),
                                    ("system_health", "System health"),
                                    ("user_interface", "User interface"),
                                ],
                                max_length=50,
                            ),
                        ),
                        ("metric_value", models.FloatField()),
                        (
                            "measurement_unit",
                            models.CharField(
                                choices=[
                                    ("ms", "ms (milliseconds)"),
                                    ("seconds", "seconds"),
                                    ("mb", "mb (megabytes)"),
                                    ("requests/sec", "requests/sec"),
                                    ("accuracy", "accuracy (0–1)"),
                                    ("percent", "percent (0–100)"),
                                    ("count", "count"),
                                    ("score", "score (1–5)"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("component", models.CharField(max_length=50)),
                        ("service_name", models.CharField(max_length=50)),
                        ("endpoint_path", models.CharField(max_length=255, null=True)),
                        ("request_id", models.CharField(max_length=100, null=True)),
                        (
                            "query_complexity",
                            models.CharField(
                                choices=[
                                    ("simple", "Simple"),
                                    ("moderate", "Moderate"),
                                    ("complex", "Complex"),
                                ],
                                max_length=20,
                                null=True,
                            ),
                        ),
                        ("ml_models_used", models.JSONField(null=True)),
                        (
                            "user_satisfaction_score",
                            models.FloatField(
                                null=True,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(5),
                                ],
                            ),
                        ),
                        (
                            "timestamp",
                            models.DateTimeField(
                                db_default=django.contrib.postgres.functions.TransactionNow()
                            ),
                        ),
                        ("metadata", models.JSONField(null=True)),
                        ("success", models.BooleanField(db_default=True, default=True)),
                        ("event_id", models.UUIDField(null=True)),
                        ("synthetic", models.BooleanField(db_default=False, default=False)),
                        (
                            "client",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="accounts.client",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "metric row",
                        "db_table": "ai_performance_metrics",
                    },
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(PENDING, drop("pending_minutes"))],
            state_operations=[
                migrations.CreateModel(
                    name="PendingMinute",
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
                    options={
                        "db_table": "pending_minutes",
                    },
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ROLLUPS, drop("minute_rollups"))],
            state_operations=[
                migrations.CreateModel(
                    name="MinuteRollup",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("minute", models.DateTimeField()),
                        ("metric_name", models.CharField(max_length=100)),
                        ("component", models.CharField(max_length=50)),
                        ("service_name", models.CharField(max_length=50)),
                        (
                            "query_complexity",
                            models.CharField(help_text="Empty: none was sent.", max_length=20),
                        ),
                        (
                            "model",
                            models.CharField(
                                help_text="The first of ml_models_used; may be empty.",
                                max_length=100,
                            ),
                        ),
                        ("measurement_unit", models.CharField(max_length=20)),
                        ("synthetic", models.BooleanField()),
                        ("total", models.BigIntegerField(help_text="Rows in the minute.")),
                        ("succeeded", models.BigIntegerField(help_text="Rows with success.")),
                        (
                            "value_sum",
                            models.FloatField(help_text="Over successful rows, in the unit."),
                        ),
                        ("value_min", models.FloatField(null=True)),
                        ("value_max", models.FloatField(null=True)),
                        (
                            "votes",
                            models.BigIntegerField(help_text="Rows with a satisfaction score."),
                        ),
                        ("votes_sum", models.FloatField()),
                        ("hist_scale", models.SmallIntegerField()),
                        (
                            "hist_zero",
                            models.BigIntegerField(
                                help_text="Successful rows with a value of 0 or less."
                            ),
                        ),
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
                            "client",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                to="accounts.client",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "minute roll-up",
                        "db_table": "minute_rollups",
                    },
                ),
            ],
        ),
    ]
