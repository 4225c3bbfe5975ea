"""The sentinel client and the four roles."""

from django.db import migrations

ROLES = ("Viewer", "Responder", "SLA manager", "Administrator")


def load(apps, schema_editor):
    client = apps.get_model("accounts", "Client")
    client.objects.get_or_create(code="platform", defaults={"name": "Platform", "tier": "platform"})
    group = apps.get_model("auth", "Group")
    for role in ROLES:
        group.objects.get_or_create(name=role)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
