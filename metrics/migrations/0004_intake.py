"""Who sent how much, what was refused, and which requests were answered before."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0003_specification")]

    operations = []
