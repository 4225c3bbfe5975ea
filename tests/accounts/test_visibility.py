"""Whose rows a person sees: an owner of all, one of acme alone, one of nobody."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts import keys, rights, visibility
from accounts.models import ApiKey, Client, Team, User
from metrics.models import PerformanceBaseline

pytestmark = pytest.mark.django_db


def codes(user: Any) -> set[str]:
    return set(visibility.visible_clients(user).values_list("code", flat=True))


def test_it_shows_all_clients_to_who_is_not_limited(
    make_user: Any, acme: Client, globex: Client
) -> None:
    assert codes(make_user("Viewer")) == {"acme", "globex", "platform"}


def test_it_shows_the_chosen_clients_to_who_is_limited(
    make_user: Any, acme: Client, globex: Client
) -> None:
    assert codes(make_user("Viewer", clients=[acme])) == {"acme"}


def test_it_shows_none_to_who_has_none(make_user: Any, acme: Client) -> None:
    assert codes(make_user("Viewer", clients=[])) == set()
    assert codes(AnonymousUser()) == set()


def test_it_limits_no_superuser(make_user: Any, acme: Client) -> None:
    assert "acme" in codes(make_user(clients=[], is_superuser=True))


def test_it_limits_rows_by_the_path_to_their_client(
    make_user: Any, acme: Client, globex: Client
) -> None:
    for owner in (acme, globex, None):
        ApiKey.objects.create(name=str(owner), prefix=str(owner)[:4], client=owner)
    user = make_user("Viewer", clients=[acme])
    assert [key.client for key in visibility.limit(ApiKey.objects.all(), user)] == [acme]
    assert [*visibility.limit(Client.objects.all(), user, "pk")] == [acme]


@pytest.mark.parametrize(("shared", "seen"), [(True, 1), (False, 0)])
def test_it_shows_rows_of_nobody_where_they_are_shared(
    make_user: Any, acme: Client, shared: bool, seen: int
) -> None:
    rows = PerformanceBaseline.objects.filter(metric_name="ai_terminal_load_time")
    user = make_user("Viewer", clients=[acme])
    assert visibility.limit(rows, user, shared=shared).count() == seen


def test_the_admin_shows_only_visible_clients(signed_in: Any, acme: Client, globex: Client) -> None:
    browser = signed_in("Viewer", clients=[acme])
    page = browser.get("/admin/accounts/client/").content.decode()
    assert acme.name in page
    assert globex.name not in page
    assert browser.get(f"/admin/accounts/client/{globex.pk}/change/").status_code == 302


def test_the_admin_offers_only_visible_clients(
    signed_in: Any, acme: Client, globex: Client
) -> None:
    page = signed_in("Administrator", clients=[acme]).get("/admin/accounts/apikey/add/")
    assert [*page.context["adminform"].form.fields["client"].queryset] == [acme]


def test_it_hands_the_database_the_clients_themselves(
    make_user: Any, acme: Client, django_assert_num_queries: Any
) -> None:
    user = make_user("Viewer", clients=[acme])
    with django_assert_num_queries(1):
        limited = visibility.limit(ApiKey.objects.all(), user)
    assert str(limited.query).count("SELECT") == 1  # no subquery


HIDDEN = "Globex"


@pytest.mark.parametrize("path", ["client", "user", "apikey"])
def test_no_list_names_a_hidden_client(
    signed_in: Any, make_user: Any, acme: Client, globex: Client, path: str
) -> None:
    make_user("Viewer", clients=[acme, globex], username="of-both")
    make_user("Viewer", clients=[acme], username="of-acme")
    keys.issue("globex key", ["ingest"], client=globex)
    page = signed_in("Administrator", clients=[acme]).get(f"/admin/accounts/{path}/")
    assert acme.name in page.content.decode()
    assert HIDDEN not in page.content.decode()


def test_who_is_limited_sees_people_who_see_no_more(
    make_user: Any, acme: Client, globex: Client
) -> None:
    actor = make_user("Administrator", clients=[acme], username="actor")
    make_user(clients=[acme], username="of-acme")
    make_user(clients=[], username="of-none")
    make_user(clients=[acme, globex], username="of-both")
    make_user(username="of-all")
    make_user(clients=[acme], is_superuser=True, username="root")
    shown = rights.people_to_show(User.objects.all(), actor)
    assert {person.username for person in shown} == {"actor", "of-acme", "of-none"}


def test_the_page_of_a_hidden_clients_person_is_not_found(
    signed_in: Any, make_user: Any, acme: Client, globex: Client
) -> None:
    person = make_user(clients=[globex])
    browser = signed_in("Administrator", clients=[acme])
    assert browser.get(f"/admin/accounts/user/{person.pk}/change/").status_code == 302
    url = f"/admin/accounts/user/{person.pk}/password/"
    assert browser.get(url).status_code in {403, 404}


def test_who_is_limited_looks_at_teams_and_changes_none(signed_in: Any, acme: Client) -> None:
    team = Team.objects.create(name="Core")
    browser = signed_in("Administrator", clients=[acme])
    assert browser.get(f"/admin/accounts/team/{team.pk}/change/").status_code == 200
    assert browser.post(f"/admin/accounts/team/{team.pk}/change/", {}).status_code == 403
    assert browser.get("/admin/accounts/team/add/").status_code == 403
