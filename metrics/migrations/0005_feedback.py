"""Ratings that join the request they rate, and deployments."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0004_intake")]

    operations = []
