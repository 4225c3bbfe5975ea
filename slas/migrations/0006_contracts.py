"""Reserved for the tables of this name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("slas", "0005_slo_schedule")]

    operations: list[object] = []
