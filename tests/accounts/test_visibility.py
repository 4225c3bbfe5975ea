"""Whose rows a person sees: an owner of all, one of acme alone, one of nobody."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts import visibility
from accounts.models import ApiKey, Client
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
