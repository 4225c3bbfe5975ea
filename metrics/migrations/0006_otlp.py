"""OTLP: what its names mean to the portal, and which component a service belongs to."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0005_feedback")]

    operations = []
