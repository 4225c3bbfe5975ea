"""Reserved for the tables of this name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("slas", "0006_contracts")]

    operations: list[object] = []
