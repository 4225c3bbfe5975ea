"""Who sent how much, what was refused, and which requests were answered before."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_platform_and_roles"), ("metrics", "0003_specification")]

    operations = [
        migrations.CreateModel(
            name="Emitter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("component", models.CharField(max_length=50)),
                ("service_name", models.CharField(max_length=50)),
                (
                    "first_seen_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("last_seen_at", models.DateTimeField()),
                (
                    "silent_after_seconds",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Without data for this long it counts as silent. Empty: AIOSMON_SILENT_AFTER_SECONDS.",
                        null=True,
                        verbose_name="silent after (s)",
                    ),
                ),
                ("muted", models.BooleanField(default=False, help_text="Its silence is expected.")),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.client",
                    ),
                ),
            ],
            options={
                "verbose_name": "reporting service",
                "db_table": "emitters",
                "ordering": ["service_name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("client", "component", "service_name"), name="emitters_one"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("face", models.CharField(max_length=20)),
                ("key", models.CharField(max_length=255)),
                ("body_hash", models.BinaryField(max_length=32)),
                ("status", models.SmallIntegerField()),
                ("answer", models.BinaryField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), db_index=True
                    ),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.apikey",
                    ),
                ),
            ],
            options={
                "db_table": "idempotency_keys",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("api_key", "face", "key"), name="idempotency_keys_one"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IntakeMinute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("minute", models.DateTimeField()),
                ("face", models.CharField(max_length=20)),
                ("requests", models.BigIntegerField(default=0)),
                (
                    "stored",
                    models.BigIntegerField(
                        default=0, help_text="Rows (or points) that were stored."
                    ),
                ),
                (
                    "rejected",
                    models.BigIntegerField(default=0, help_text="Rows that were refused."),
                ),
                (
                    "lag_max_seconds",
                    models.FloatField(
                        help_text="The largest time between a request's newest row and its arrival.",
                        null=True,
                    ),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.apikey",
                    ),
                ),
            ],
            options={
                "verbose_name": "minute of ingestion",
                "verbose_name_plural": "minutes of ingestion",
                "db_table": "intake_minutes",
                "indexes": [
                    models.Index(fields=["api_key", "minute"], name="intake_minutes_by_key")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("minute", "api_key", "face"),
                        name="intake_minutes_one",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IntakeRejection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("face", models.CharField(max_length=20)),
                (
                    "reason",
                    models.CharField(
                        help_text="The field at fault, or a short code.", max_length=60
                    ),
                ),
                ("count", models.BigIntegerField(default=0)),
                ("last_at", models.DateTimeField()),
                (
                    "example",
                    models.CharField(blank=True, help_text="The latest one.", max_length=500),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.apikey",
                    ),
                ),
            ],
            options={
                "verbose_name": "reason of refusal",
                "verbose_name_plural": "reasons of refusal",
                "db_table": "intake_rejections",
                "indexes": [
                    models.Index(fields=["api_key", "day"], name="intake_rejections_by_key")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "api_key", "face", "reason"),
                        name="intake_rejections_one",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
