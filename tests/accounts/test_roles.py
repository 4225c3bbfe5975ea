"""The four roles and what each may do, after `migrate`."""

import pytest
from django.contrib.auth.models import Group, Permission

from accounts import roles

pytestmark = pytest.mark.django_db

MAY = [
    ("Viewer", "metrics.view_performancemetric", True),
    ("Viewer", "alerts.view_alert", True),
    ("Viewer", "alerts.triage_alert", False),
    ("Viewer", "slas.change_sla", False),
    ("Viewer", "accounts.view_apikey", False),
    ("Responder", "alerts.triage_alert", True),
    ("Responder", "slas.change_sla", False),
    ("Responder", "metrics.change_probe", False),
    ("SLA manager", "slas.change_sla", True),
    ("SLA manager", "metrics.change_probe", True),
    ("SLA manager", "alerts.triage_alert", False),
    ("SLA manager", "accounts.view_user", False),
    ("Administrator", "alerts.triage_alert", True),
    ("Administrator", "slas.delete_sla", True),
    ("Administrator", "accounts.add_apikey", True),
    ("Administrator", "accounts.change_user", True),
    ("Administrator", "accounts.delete_user", False),
    ("Administrator", "auth.change_group", False),
    ("Administrator", "django_celery_beat.change_periodictask", True),
    ("SLA manager", "django_celery_beat.change_periodictask", False),
    ("Administrator", "metrics.change_performancemetric", False),
]


def permissions(role: str) -> set[str]:
    found = Permission.objects.filter(group__name=role)
    names = found.values_list("content_type__app_label", "codename")
    return {f"{label}.{codename}" for label, codename in names}


@pytest.mark.parametrize(("role", "permission", "expected"), MAY)
def test_it_gives_each_role_its_permissions(role: str, permission: str, expected: bool) -> None:
    assert (permission in permissions(role)) is expected


def test_it_makes_exactly_four_roles() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)


def test_every_permission_that_the_tables_name_exists() -> None:
    for role in roles.ROLES:
        named = {f"{app}.{name}" for app, names in roles.codenames(role).items() for name in names}
        assert permissions(role) == named


def test_an_administrator_may_do_whatever_another_role_may() -> None:
    for role in roles.ROLES:
        assert permissions(role) <= permissions("Administrator")


def test_it_sets_a_built_in_role_back_to_what_the_code_says() -> None:
    viewer = Group.objects.get(name="Viewer")
    before = permissions("Viewer")
    viewer.permissions.set(Permission.objects.filter(codename="delete_sla"))
    roles.grant_role_permissions()
    assert permissions("Viewer") == before
