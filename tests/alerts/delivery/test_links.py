"""Signed links: GET asks, POST acts, by whom the message went to or a stated name."""

import re
from typing import Any

import pytest
from django.core import signing
from django.test import Client as Browser

from accounts.models import Client, User
from alerts.delivery import links
from alerts.delivery.links import Link
from alerts.models import Alert, Channel, Status
from alerts.triage import lifecycle

pytestmark = pytest.mark.django_db


@pytest.fixture
def link_to(make_channel: Any) -> Any:
    """A link's path: ``link_to(alert, "resolve", user)``."""

    def make(alert: Alert, action: str = "acknowledge", user: User | None = None) -> str:
        channel = Channel.objects.first() or make_channel(name="Ops")
        link = Link(alert.pk, action, user.pk if user else None, channel.pk)
        return links.url(link).removeprefix("https://portal.example.org")

    return make


def test_opening_a_link_changes_nothing_and_its_form_acts_once(
    make_alert: Any, make_user: Any, link_to: Any
) -> None:
    alert, person = make_alert(), make_user("Responder", first_name="Ada", email="ada@example.org")
    url, browser = link_to(alert, user=person), Browser(enforce_csrf_checks=True)
    page = browser.get(url)
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "You act as <b>Ada</b>" in page.content.decode()
    assert browser.head(url).status_code == 200
    alert.refresh_from_db()
    assert (alert.status, alert.version) == (Status.FIRING, 1)
    assert browser.post(url).status_code == 403, "without its form it must not act"
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)', page.content.decode())
    assert found
    token = {"csrfmiddlewaretoken": found[1]}
    assert browser.post(url, {**token, "note": "On it."}).status_code == 302
    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_by) == (Status.ACKNOWLEDGED, person)
    event = alert.events.get(kind="acknowledged")
    assert (event.actor, event.agent, event.note) == (person, "link on Ops", "On it.")
    assert browser.post(url, token).status_code == 409
    assert "by Ada. There is nothing to acknowledge" in browser.get(url).content.decode()
    assert alert.events.count() == 1


def test_who_is_not_known_has_to_say_who_they_are(make_alert: Any, link_to: Any) -> None:
    alert = make_alert()
    url, browser = link_to(alert), Browser()
    refused = browser.post(url, {"name": " ", "note": "kept"})
    assert refused.status_code == 409
    assert "Say who you are" in refused.content.decode()
    assert "kept" in refused.content.decode()
    assert browser.post(url, {"name": "Grace"}).status_code == 302
    alert.refresh_from_db()
    event = alert.events.get()
    assert event.agent == "Grace, by a link on Ops"
    assert (alert.status, alert.assignee) == (Status.ACKNOWLEDGED, None)
    stranger = alert.acknowledged_by
    assert (stranger.is_active, stranger.has_usable_password()) == (False, False)


def test_whoever_is_signed_in_acts_as_themselves_on_a_channels_link(
    make_alert: Any, make_user: Any, link_to: Any
) -> None:
    alert, person, browser = make_alert(), make_user("Responder"), Browser()
    browser.force_login(person)
    assert browser.post(link_to(alert, "resolve")).status_code == 302
    alert.refresh_from_db()
    assert (alert.status, alert.resolved_by) == (Status.RESOLVED, person)


def test_a_link_works_for_as_long_as_its_action_is_legal(
    make_alert: Any, make_user: Any, link_to: Any
) -> None:
    alert, person = make_alert(), make_user("Responder")
    url = link_to(alert, "resolve", person)
    lifecycle.acknowledge(alert.pk, acting_user=make_user(), version=1)
    assert Browser().post(url).status_code == 302
    assert lifecycle.reopen(alert.pk, acting_user=person, version=3).status == Status.FIRING
    assert Browser().post(url).status_code == 302


@pytest.mark.parametrize(
    "spoil",
    [
        lambda person, _: User.objects.filter(pk=person.pk).update(is_active=False),
        lambda person, _: person.groups.clear(),
        lambda person, other: (
            User.objects.filter(pk=person.pk).update(all_clients=False),
            person.clients.set([other]),
        ),
        lambda *_: Channel.objects.update(signed_links=False),
    ],
)
def test_rights_that_have_gone_since_the_message_are_gone(
    make_alert: Any, make_user: Any, link_to: Any, globex: Client, spoil: Any
) -> None:
    alert, person = make_alert(), make_user("Responder")
    url = link_to(alert, user=person)
    spoil(person, globex)
    assert Browser().post(url).status_code == 409
    alert.refresh_from_db()
    assert alert.status == Status.FIRING


def test_a_link_that_is_forged_or_too_old_does_nothing(
    make_alert: Any, make_user: Any, link_to: Any, settings: Any
) -> None:
    alert = make_alert()
    url = link_to(alert, user=make_user("Responder"))
    forged = signing.dumps([alert.pk, "resolve", 1, 1], salt="another use of the key")
    assert Browser().post(f"/links/{forged}/").status_code == 410
    assert Browser().post(url.replace(":", "x:", 1)).status_code == 410
    settings.LINK_HOURS = 0
    assert "older than" in Browser().get(url).content.decode()
    alert.refresh_from_db()
    assert alert.status == Status.FIRING
