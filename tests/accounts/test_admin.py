"""The admin of people and keys: what it shows, and that nobody raises their own rights."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client as Browser

from accounts import keys, rights
from accounts.models import ApiKey, Client, Team, User

pytestmark = pytest.mark.django_db

NEW_PASSWORD = {
    "password1": "another-long-passphrase",
    "password2": "another-long-passphrase",
    "usable_password": "true",
}


def edit(browser: Browser, person: User, **changes: Any) -> Any:
    """Send the change form of a person as the browser shows it, with changes."""
    fields = {
        "username": person.username,
        "first_name": "",
        "last_name": "",
        "email": "",
        "time_zone": person.time_zone,
        "is_active": "on",
        "is_staff": "on",
        "all_clients": "on" if person.all_clients else "",
        "groups": [group.pk for group in person.groups.all()],
        "clients": [client.pk for client in person.clients.all()],
        **changes,
    }
    sent = {name: value for name, value in fields.items() if value != ""}
    answer = browser.post(f"/admin/accounts/user/{person.pk}/change/", sent)
    person.refresh_from_db()
    return answer


@pytest.fixture
def root(make_user: Any) -> User:
    """A superuser."""
    user: User = make_user(is_superuser=True)
    return user


# --- People -----------------------------------------------------------------


def test_an_administrator_gives_a_role(signed_in: Any, make_user: Any) -> None:
    person, role = make_user(), Group.objects.get(name="Responder")
    assert edit(signed_in("Administrator"), person, groups=[role.pk]).status_code == 302
    assert [*person.groups.all()] == [role]


def test_an_administrator_makes_no_superuser(signed_in: Any, make_user: Any) -> None:
    person = make_user()
    edit(signed_in("Administrator"), person, is_superuser="on", first_name="Ada")
    assert (person.is_superuser, person.first_name) == (False, "Ada")


def test_an_administrator_grants_no_single_permissions(signed_in: Any, make_user: Any) -> None:
    person, permission = make_user(), Permission.objects.get(codename="delete_user")
    edit(signed_in("Administrator"), person, user_permissions=[permission.pk])
    assert not person.user_permissions.exists()


def test_an_administrator_gives_no_group_with_more_than_their_own(
    signed_in: Any, make_user: Any
) -> None:
    person, strong = make_user(), Group.objects.create(name="Strong")
    strong.permissions.add(Permission.objects.get(codename="change_group"))
    answer = edit(signed_in("Administrator"), person, groups=[strong.pk])
    assert "groups" in answer.context["adminform"].form.errors
    assert not person.groups.exists()


def test_an_administrator_cannot_change_a_superuser(signed_in: Any, root: User) -> None:
    assert edit(signed_in("Administrator"), root, email="mine@example.org").status_code == 403
    assert root.email == ""


def test_an_administrator_cannot_set_a_superusers_password(signed_in: Any, root: User) -> None:
    url = f"/admin/accounts/user/{root.pk}/password/"
    assert signed_in("Administrator").post(url, NEW_PASSWORD).status_code == 403
    root.refresh_from_db()
    assert root.check_password("a-long-passphrase")


def test_an_administrator_sets_the_password_of_an_equal(signed_in: Any, make_user: Any) -> None:
    person = make_user("Administrator")
    url = f"/admin/accounts/user/{person.pk}/password/"
    assert signed_in("Administrator").post(url, NEW_PASSWORD).status_code == 302
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD["password1"])


def test_a_superuser_makes_a_superuser(signed_in: Any, make_user: Any) -> None:
    person = make_user()
    edit(signed_in(is_superuser=True), person, is_superuser="on")
    assert person.is_superuser


def test_a_limited_administrator_cannot_see_more_clients(
    signed_in: Any, acme: Client, globex: Client
) -> None:
    browser = signed_in("Administrator", clients=[acme], username="limited")
    me = User.objects.get(username="limited")
    edit(browser, me, all_clients="on", first_name="Ada")
    assert (me.all_clients, me.first_name) == (False, "Ada")
    assert "clients" in edit(browser, me, clients=[globex.pk]).context["adminform"].form.errors
    assert [*me.clients.all()] == [acme]


def test_who_a_limited_administrator_adds_sees_no_more(signed_in: Any, acme: Client) -> None:
    form = {"username": "new", **NEW_PASSWORD}
    signed_in("Administrator", clients=[acme]).post("/admin/accounts/user/add/", form)
    assert User.objects.get(username="new").all_clients is False


def test_who_an_unlimited_administrator_adds_sees_all_clients(signed_in: Any) -> None:
    form = {"username": "new", **NEW_PASSWORD}
    signed_in("Administrator").post("/admin/accounts/user/add/", form)
    assert User.objects.get(username="new").all_clients is True


def test_who_sees_more_clients_is_not_changed(make_user: Any, acme: Client, globex: Client) -> None:
    actor = make_user("Administrator", clients=[acme])
    assert rights.may_change(actor, make_user("Viewer", clients=[acme]))
    assert not rights.may_change(actor, make_user("Viewer", clients=[acme, globex]))
    assert not rights.may_change(actor, make_user("Viewer"))


def test_who_is_inactive_counts_with_the_rights_they_would_have(make_user: Any) -> None:
    strong = make_user(is_active=False)
    strong.user_permissions.add(Permission.objects.get(codename="change_group"))
    assert not rights.may_change(make_user("Administrator"), strong)


def test_nobody_is_deleted(signed_in: Any, make_user: Any) -> None:
    person = make_user()
    browser = signed_in(is_superuser=True)
    assert browser.post(f"/admin/accounts/user/{person.pk}/delete/").status_code == 403


def test_a_viewer_sees_no_people_and_no_keys(signed_in: Any) -> None:
    browser = signed_in("Viewer")
    for model in ("user", "apikey"):
        assert browser.get(f"/admin/accounts/{model}/").status_code == 403
    assert browser.get("/admin/auth/group/").status_code == 403


# --- Keys -------------------------------------------------------------------


def add_key(browser: Browser, **fields: Any) -> str:
    form = {"name": "billing", "scopes": ["ingest"], **fields}
    return browser.post("/admin/accounts/apikey/add/", form, follow=True).content.decode()


def test_it_shows_a_new_key_once_and_stores_only_its_hash(signed_in: Any) -> None:
    browser = signed_in("Administrator")
    text = re.search(r"aiosmon_\w{10}_[\w-]{43}", add_key(browser))
    assert text is not None
    key = keys.check(text[0])
    assert (key.name, key.scopes, key.created_by is not None) == ("billing", ["ingest"], True)
    for path in ("", f"{key.pk}/change/"):
        assert text[0] not in browser.get(f"/admin/accounts/apikey/{path}").content.decode()


def test_it_keeps_the_secret_when_a_key_is_edited(signed_in: Any) -> None:
    key, text = keys.issue("billing", ["ingest"])
    form = {"name": "invoices", "scopes": ["read"]}
    signed_in("Administrator").post(f"/admin/accounts/apikey/{key.pk}/change/", form)
    checked = keys.check(text)
    assert (checked.name, checked.scopes) == ("invoices", ["read"])


def test_a_limited_administrator_makes_keys_of_their_clients_only(
    signed_in: Any, acme: Client
) -> None:
    browser = signed_in("Administrator", clients=[acme])
    add_key(browser)
    assert not ApiKey.objects.exists()
    add_key(browser, client=acme.pk)
    assert ApiKey.objects.get().client == acme


def test_it_revokes_keys_by_an_action(signed_in: Any) -> None:
    key, text = keys.issue("billing", ["ingest"])
    form = {"action": "revoke", "_selected_action": [key.pk]}
    signed_in("Administrator").post("/admin/accounts/apikey/", form)
    with pytest.raises(keys.InvalidKey, match="revoked"):
        keys.check(text)


def test_it_shows_the_state_of_each_key(signed_in: Any) -> None:
    keys.issue("active", ["ingest"])
    keys.revoke(keys.issue("ended", ["ingest"])[0])
    page = signed_in("Administrator").get("/admin/accounts/apikey/").content.decode()
    assert "Active" in page
    assert "Revoked" in page


# --- Clients, teams, roles --------------------------------------------------


def test_a_clients_code_stays(signed_in: Any, acme: Client) -> None:
    form = {"code": "other", "name": "Acme Inc", "tier": "business", "time_zone": "UTC"}
    signed_in("Administrator").post(f"/admin/accounts/client/{acme.pk}/change/", form)
    acme.refresh_from_db()
    assert (acme.code, acme.name) == ("acme", "Acme Inc")


def test_every_list_of_accounts_opens(signed_in: Any, acme: Client, make_user: Any) -> None:
    Team.objects.create(name="Core").members.add(make_user("Viewer"))
    browser = signed_in(is_superuser=True)
    for path in ("accounts/client", "accounts/user", "accounts/team", "accounts/apikey"):
        assert browser.get(f"/admin/{path}/").status_code == 200
    assert browser.get("/admin/auth/group/").status_code == 200


def test_a_team_is_found_by_a_member_and_still_counts_all(signed_in: Any, make_user: Any) -> None:
    team = Team.objects.create(name="Core")
    team.members.set([make_user(username="ada"), make_user(username="adam"), make_user()])
    page = signed_in("Administrator").get("/admin/accounts/team/", {"q": "ada"})
    assert [(row.name, row.people) for row in page.context["cl"].result_list] == [("Core", 3)]
