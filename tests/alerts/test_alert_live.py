"""What a page that stays open is told: changes, who else is there, and nothing where nothing is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Client, User
from accounts.roles import RESPONDER, VIEWER
from alerts.models import Alert, Presence
from alerts.triage import lifecycle, people, presence

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]


def sign_in(user: User) -> Browser:
    """A browser in which the person is signed in."""
    browser = Browser()
    browser.force_login(user)
    return browser


def live(browser: Browser, alert: Alert, tag: str = "") -> HttpResponse:
    """What the page asks for every few seconds."""
    headers = {"If-None-Match": tag} if tag else {}
    return browser.get(f"/admin/alerts/alert/{alert.pk}/live/", headers=headers)


def test_an_open_page_costs_little_while_nothing_happens(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert, browser = make_alert(), sign_in(make_user(RESPONDER))
    tag = live(browser, alert)["ETag"]
    with CaptureQueriesContext(connection) as queries:
        response = live(browser, alert, tag)
    assert (response.status_code, response.content) == (304, b"")
    assert len(queries) <= 8


def test_it_tells_what_another_did(make_alert: MakeAlert, make_user: MakeUser) -> None:
    alert, ada = make_alert(), make_user(RESPONDER, first_name="Ada")
    browser = sign_in(make_user(RESPONDER))
    tag = live(browser, alert)["ETag"]
    lifecycle.acknowledge(alert.pk, acting_user=ada, version=1, note="On it.")
    response = live(browser, alert, tag)
    text = response.content.decode()
    assert response.status_code == 200
    assert 'data-last="Acknowledged by Ada"' in text
    assert "On it." in text
    assert 'name="version" value="2"' in text
    assert 'id="acknowledge-form"' not in text


def test_a_comment_changes_what_it_tells(make_alert: MakeAlert, make_user: MakeUser) -> None:
    alert, browser = make_alert(), sign_in(make_user(VIEWER))
    tag = live(browser, alert)["ETag"]
    people.comment(alert.pk, acting_user=make_user(RESPONDER), note="Look at <b>this</b>.")
    response = live(browser, alert, tag)
    assert b"Look at &lt;b&gt;this&lt;/b&gt;." in response.content
    # A viewer reads: there is nothing to press.
    assert b"<form" not in response.content


def test_it_tells_who_else_is_there(make_alert: MakeAlert, make_user: MakeUser) -> None:
    alert, ada = make_alert(), make_user(RESPONDER, first_name="Ada")
    me = make_user(RESPONDER, first_name="Rita")
    browser = sign_in(me)
    sign_in(ada).post(f"/admin/alerts/alert/{alert.pk}/here/", {"writing": "1"})
    browser.post(f"/admin/alerts/alert/{alert.pk}/here/")
    text = live(browser, alert).content.decode()
    assert "Also here: Ada (writing)<" in text


def test_who_has_left_is_forgotten(make_alert: MakeAlert, make_user: MakeUser) -> None:
    alert, ada, me, now = make_alert(), make_user(), make_user(), timezone.now()
    presence.here(alert.pk, ada, now)
    assert presence.others(alert.pk, me, now + timedelta(seconds=20))
    assert presence.others(alert.pk, me, now + timedelta(seconds=40)) == []
    presence.here(alert.pk, me, now + timedelta(hours=2))
    assert Presence.objects.get().user == me


def test_who_comes_again_keeps_the_time_of_coming(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    alert, ada, now = make_alert(), make_user(), timezone.now()
    for seconds in (0, 10, 20):
        presence.here(alert.pk, ada, now + timedelta(seconds=seconds))
    assert Presence.objects.get().since == now
    presence.here(alert.pk, ada, now + timedelta(minutes=5))
    assert Presence.objects.get().since == now + timedelta(minutes=5)


@pytest.mark.parametrize("part", ["live/", "chart/", "chart.svg"])
def test_it_tells_nothing_of_a_hidden_client(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client, part: str
) -> None:
    alert = make_alert()
    path = f"/admin/alerts/alert/{alert.pk}/{part}"
    assert sign_in(make_user(VIEWER, clients=[globex])).get(path).status_code == 404
    assert sign_in(make_user()).get(path).status_code == 403
    assert Browser().get(path).status_code == 302
