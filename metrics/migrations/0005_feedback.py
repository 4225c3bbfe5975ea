"""Ratings that join the request they rate, and deployments."""

import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

METRIC = ("user_feedback_rating", "user_feedback", "score", "A user's rating of one answer, 1–5.")
SCHEDULE = ("Feedback: join those that wait", "metrics.tasks.join_waiting", 5)

# Votes name a request by its request_id (0002 has that index) or by the id of the model's
# response. Series over a span of time are read by their metric.
INDEXES = """
CREATE INDEX ai_performance_metrics_responses
    ON ai_performance_metrics((metadata ->> 'response_id'))
    WHERE metadata ->> 'response_id' IS NOT NULL;
CREATE INDEX minute_rollups_by_metric ON minute_rollups(metric_name, minute);
"""
NO_INDEXES = """
DROP INDEX ai_performance_metrics_responses;
DROP INDEX minute_rollups_by_metric;
"""


def seed(apps, schema_editor):
    name, category, unit, description = METRIC
    apps.get_model("metrics", "MetricDefinition").objects.get_or_create(
        name=name, defaults={"category": category, "unit": unit, "description": description}
    )
    name, task, seconds = SCHEDULE
    interval, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=seconds, period="seconds"
    )
    # A tick that nobody took before the next one is due would only pile up.
    defaults = {"task": task, "interval": interval, "expire_seconds": 2 * seconds}
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=name, defaults=defaults
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_platform_and_roles"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("metrics", "0004_intake"),
    ]

    operations = [
        migrations.CreateModel(
            name="Deployment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("component", models.CharField(max_length=50)),
                ("service_name", models.CharField(max_length=50)),
                ("version", models.CharField(max_length=100)),
                ("environment", models.CharField(default="production", max_length=50)),
                ("deployed_at", models.DateTimeField()),
                (
                    "received_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("description", models.CharField(blank=True, max_length=2000)),
                ("url", models.URLField(blank=True, max_length=500)),
                ("event_id", models.UUIDField(null=True)),
                (
                    "client",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: for every client.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.client",
                    ),
                ),
            ],
            options={
                "db_table": "deployments",
                "ordering": ["-deployed_at", "-id"],
                "indexes": [
                    models.Index(fields=["deployed_at", "id"], name="deployments_by_time"),
                    models.Index(
                        fields=["component", "service_name", "deployed_at"],
                        name="deployments_by_service",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("event_id__isnull", False)),
                        fields=("client", "event_id"),
                        name="deployments_events",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("component", ""),
                            ("service_name", ""),
                            ("version", ""),
                            ("environment", ""),
                            _connector="OR",
                            _negated=True,
                        ),
                        name="deployments_are_named",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Feedback",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "request_id",
                    models.CharField(
                        help_text="The rated request, or its response.", max_length=100
                    ),
                ),
                (
                    "rating",
                    models.FloatField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ]
                    ),
                ),
                (
                    "scale",
                    models.CharField(
                        choices=[("stars", "Stars (1–5)"), ("thumbs", "Thumbs (up 5, down 1)")],
                        default="stars",
                        max_length=10,
                    ),
                ),
                ("correction", models.CharField(blank=True, max_length=10000)),
                ("comment", models.CharField(blank=True, max_length=2000)),
                ("submitted_at", models.DateTimeField()),
                (
                    "received_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("event_id", models.UUIDField(null=True)),
                (
                    "next_look_at",
                    models.DateTimeField(
                        help_text="When its request is looked for again. Empty: no more.", null=True
                    ),
                ),
                (
                    "joined_at",
                    models.DateTimeField(help_text="When its request was found.", null=True),
                ),
                (
                    "integrated_at",
                    models.DateTimeField(help_text="When a model had learned from it.", null=True),
                ),
                ("component", models.CharField(blank=True, max_length=50)),
                ("service_name", models.CharField(blank=True, max_length=50)),
                ("endpoint_path", models.CharField(blank=True, max_length=255)),
                (
                    "query_complexity",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("simple", "Simple"),
                            ("moderate", "Moderate"),
                            ("complex", "Complex"),
                        ],
                        max_length=20,
                    ),
                ),
                ("model", models.CharField(blank=True, max_length=100)),
                (
                    "rated_at",
                    models.DateTimeField(help_text="The rated request's time.", null=True),
                ),
                (
                    "client",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Empty: not named, and the rated request is not known yet.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.client",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "rating",
                "verbose_name_plural": "feedback",
                "db_table": "feedback",
                "ordering": ["-submitted_at", "-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_look_at__isnull", False)),
                        fields=["next_look_at"],
                        name="feedback_waiting",
                    ),
                    models.Index(fields=["submitted_at", "id"], name="feedback_by_time"),
                    models.Index(fields=["client", "submitted_at"], name="feedback_by_client"),
                    models.Index(fields=["request_id"], name="feedback_by_request"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("event_id__isnull", False)),
                        fields=("client", "event_id"),
                        name="feedback_events",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rating__gte", 1), ("rating__lte", 5)),
                        name="feedback_rating",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("scale", "stars"),
                            models.Q(("rating__in", [1, 5]), ("scale", "thumbs")),
                            _connector="OR",
                        ),
                        name="feedback_scale",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("request_id", ""), _negated=True),
                        name="feedback_names_a_request",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("joined_at__isnull", True),
                                ("component", ""),
                                ("rated_at__isnull", True),
                                ("service_name", ""),
                            ),
                            models.Q(
                                ("joined_at__isnull", False),
                                ("next_look_at__isnull", True),
                                ("client__isnull", False),
                                ("rated_at__isnull", False),
                                models.Q(
                                    ("component", ""),
                                    ("service_name", ""),
                                    _connector="OR",
                                    _negated=True,
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="feedback_joined_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("integrated_at__isnull", True),
                            ("client__isnull", False),
                            _connector="OR",
                        ),
                        name="feedback_integrated_is_somebodys",
                    ),
                ],
            },
        ),
        migrations.RunSQL(INDEXES, NO_INDEXES),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
