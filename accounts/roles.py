"""The four roles, as groups.

A migration makes the groups; the permissions follow after every `migrate`,
since Django creates permissions only then. Each app's AppConfig says in
``role_permissions`` what it gives each role, so that no floor names the models
of a floor above it. The built-in roles belong to the code: a team that wants
another mix makes a group of its own.
"""

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

VIEWER = "Viewer"
RESPONDER = "Responder"
SLA_MANAGER = "SLA manager"
ADMINISTRATOR = "Administrator"
ROLES = (VIEWER, RESPONDER, SLA_MANAGER, ADMINISTRATOR)


def codenames(role: str) -> dict[str, set[str]]:
    """App label -> permission code names that the installed apps give ``role``."""
    found: dict[str, set[str]] = {}
    for config in apps.get_app_configs():
        table = getattr(config, "role_permissions", {}).get(role, {})
        for model, actions in table.items():
            # "label.model" names a model of a package, which has no such table of its own.
            label, _, name = model.rpartition(".")
            names = {f"{action}_{name}" for action in actions}
            found.setdefault(label or config.label, set()).update(names)
    return found


def grant_role_permissions(**_: Any) -> None:
    """Set each role's permissions to exactly what the apps' tables say; repeatable."""
    for role in ROLES:
        group, _created = Group.objects.get_or_create(name=role)
        wanted = Q(pk__in=[])
        for label, names in codenames(role).items():
            wanted |= Q(content_type__app_label=label, codename__in=names)
        group.permissions.set(Permission.objects.filter(wanted))
