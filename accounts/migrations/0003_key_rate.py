"""A key's own limit of rows a minute."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_platform_and_roles")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="rows_per_minute",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="More are refused with 429. Empty: AIOSMON_INGEST_ROWS_PER_MINUTE; 0: no limit.",
                null=True,
                verbose_name="rows a minute",
            ),
        ),
    ]
