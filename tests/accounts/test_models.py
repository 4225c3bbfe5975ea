"""Rules that the accounts' tables hold by themselves, and the zone of what is shown."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from accounts.middleware import UserTimeZoneMiddleware
from accounts.models import ApiKey, Client, Team, User, validate_time_zone

pytestmark = pytest.mark.django_db


def test_the_database_refuses_to_deactivate_the_platform() -> None:
    with pytest.raises(IntegrityError, match="clients_platform_stays"):
        Client.objects.filter(code="platform").update(active=False)


def test_another_client_can_be_deactivated(acme: Client) -> None:
    assert Client.objects.filter(pk=acme.pk).update(active=False) == 1


@pytest.mark.parametrize("code", ["Acme", "-acme", "ac me", "", "acmé", "a" * 51])
def test_it_refuses_a_client_code_of_another_form(code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Client(code=code, name="x").full_clean()
    assert "code" in caught.value.message_dict


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/New_York"])
def test_it_accepts_a_time_zone(name: str) -> None:
    validate_time_zone(name)


@pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd", "europe/berlin", "+02:00"])
def test_it_refuses_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValidationError, match="Write one such as Europe/Berlin"):
        validate_time_zone(name)


def zone_seen_at(path: str, user: Any) -> str:
    seen = []

    def view(_request: HttpRequest) -> HttpResponse:
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    request = RequestFactory().get(path)
    request.user = user
    UserTimeZoneMiddleware(view)(request)
    return seen[0]


def test_the_admin_shows_times_in_the_persons_zone(make_user: Any) -> None:
    user = make_user(time_zone="Asia/Tokyo")
    assert zone_seen_at("/admin/", user) == "Asia/Tokyo"
    assert timezone.get_current_timezone_name() == "UTC"


def test_the_api_stays_in_utc(make_user: Any) -> None:
    assert zone_seen_at("/api/v1/metrics/", make_user(time_zone="Asia/Tokyo")) == "UTC"


def test_names_are_what_people_read(acme: Client, make_user: Any) -> None:
    named = make_user(first_name="Ada", last_name="Lovelace")
    unnamed = make_user()
    assert [str(acme), str(named)] == ["Acme Manufacturing", "Ada Lovelace"]
    assert str(unnamed) == unnamed.username
    assert str(Team(name="Core")) == "Core"
    assert str(ApiKey(name="billing", prefix="ab12")) == "billing (ab12…)"
    assert not acme.is_platform
    assert Client.objects.get(code="platform").is_platform


def test_a_users_table_has_the_name_of_the_specification() -> None:
    assert (User._meta.db_table, Client._meta.db_table) == ("users", "clients")
