"""Channels, routes, notifications and signed links in a browser."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from alerts.delivery import links, routing, sealing, sending
from alerts.delivery.links import Link
from alerts.delivery.sealing import Secrets
from alerts.models import Alert, Channel, Notification, Route
from tests.alerts.delivery.receiver import Receiver
from tests.e2e.browser import look, shoot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
Open = Callable[[str], tuple[Page, list[str]]]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A web-hook on this machine."""
    settings.NOTIFY_ALLOW = ["127.0.0.1"]
    found = Receiver()
    yield found
    found.stop()


@pytest.fixture
def told(portal: str, receiver: Receiver) -> Channel:
    """A channel that was told of one alert, gave up another, and a third that waits."""
    channel = Channel.objects.create(
        name="Operations",
        kind="webhook",
        address="http://127.0.0.1/…",
        sealed=sealing.seal(Secrets(receiver.url, "a-key-of-the-browser")),
    )
    Channel.objects.create(name="Office by mail", kind="apprise", address="mailto://…")
    route = Route.objects.create(
        name="Core, around the clock",
        position=10,
        matchers=[{"name": "component", "op": "=", "value": "cognitive_core"}],
    )
    route.channels.add(channel)
    Route.objects.create(
        name="The rest, in office hours",
        position=20,
        hours=[{"day": day, "from": "08:00", "until": "18:00"} for day in range(5)],
        time_zone="Europe/Berlin",
        digest_minutes=60,
    ).channels.add(channel)
    routing.route_new_events()
    sending.send_next(channel.pk)
    dead = Notification.objects.exclude(status="sent")[:1]
    Notification.objects.filter(pk__in=dead).update(
        status="dead", held="", attempts=16, last_error="HTTP 500 Internal Server Error: try later"
    )
    return channel


def test_a_channel_is_made_and_tested(portal: str, receiver: Receiver, open_as: Open) -> None:
    page, errors = open_as("ada")
    page.goto(f"{portal}/admin/alerts/channel/add/")
    page.fill("#id_name", "Operations")
    page.locator("#id_kind").select_option("webhook")
    page.fill("#id_url", receiver.url)
    page.fill("#id_signing_key", "a-key-of-the-browser")
    page.click("[name=_continue]")
    expect(page.locator("#id_url")).to_have_value("")
    page.click("text=Send a test message")
    expect(page.locator("body")).to_contain_text("Operations answered: HTTP 200 OK: ok")
    assert receiver.got[0].json["kind"] == "test"
    assert errors == []


def test_the_pages_fit(portal: str, told: Channel, open_as: Open) -> None:
    page, errors = open_as("ada")
    for name, path in {
        "channels": "alerts/channel/",
        "channel": f"alerts/channel/{told.pk}/change/",
        "routes": "alerts/route/",
        "route": "alerts/route/add/",
        "notifications": "alerts/notification/",
    }.items():
        page.goto(f"{portal}/admin/{path}")
        look(page, name)
    assert errors == []


def test_what_was_given_up_is_sent_again(portal: str, told: Channel, open_as: Open) -> None:
    page, errors = open_as("rita")
    page.goto(f"{portal}/admin/alerts/notification/?status__exact=dead")
    page.locator("#result_list tbody a").first.click()
    expect(page.locator("body")).to_contain_text("HTTP 500")
    page.click("text=Send again")
    expect(page.locator("body")).to_contain_text("1 will be tried again now.")
    assert errors == []


def test_a_link_is_used_on_a_phone_without_signing_in(
    portal: str, told: Channel, alert: Alert, settings: Any, open_as: Open
) -> None:
    settings.PORTAL_URL = portal
    url = links.url(Link(alert.pk, "acknowledge", None, told.pk))
    signed_in, errors = open_as("rita")
    browser = signed_in.context.browser
    assert browser is not None
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(url)
    shoot(page, "link", 390, "light")
    shoot(page, "link", 1440, "dark")
    page.fill("#name", "Grace")
    page.click("button")
    expect(page.locator("body")).to_contain_text("It is acknowledged by somebody who used a link.")
    signed_in.goto(f"{portal}/admin/alerts/alert/{alert.pk}/change/")
    expect(signed_in.locator("body")).to_contain_text("Signed link")
    assert errors == []
