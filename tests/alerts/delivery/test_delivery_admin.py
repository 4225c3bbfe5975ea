"""Channels, routes and notifications in the admin: what is secret stays so, POST alone acts."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Client, User
from alerts.delivery import sealing
from alerts.models import Channel, Notification, Route
from tests.alerts.delivery.conftest import SIGNING_KEY, rows

pytestmark = pytest.mark.django_db
CHANNELS, ROUTES = "/admin/alerts/channel/", "/admin/alerts/route/"
NOTIFICATIONS = "/admin/alerts/notification/"
State = Notification.Status


@pytest.fixture
def sign_in(make_user: Callable[..., User]) -> Callable[..., Browser]:
    """A browser in which somebody with a role is signed in."""

    def run(role: str = "Administrator", **fields: Any) -> Browser:
        browser = Browser()
        browser.force_login(make_user(role, **fields))
        return browser

    return run


def form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Ops",
        "kind": "webhook",
        "enabled": "on",
        "url": "https://hooks.example.org/T0K3N",
        "signing_key": SIGNING_KEY,
        "token": "",
        "signed_links": "on",
        "timeout_seconds": 5,
        "storm_per_minute": 30,
        **changes,
    }


def errors(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    found: dict[str, Any] = answer.context["adminform"].form.errors
    return found


def test_what_is_secret_is_sealed_and_never_shown_again(sign_in: Any) -> None:
    browser = sign_in()
    assert browser.post(f"{CHANNELS}add/", form()).status_code == 302
    channel = Channel.objects.get()
    assert sealing.unseal(channel) == sealing.Secrets(form()["url"], SIGNING_KEY, "")
    assert (channel.address, "T0K3N" in channel.sealed) == ("https://hooks.example.org/…", False)
    page = browser.get(f"{CHANNELS}{channel.pk}/change/").content.decode()
    assert "Set; leave empty to keep it." in page
    for secret in ("T0K3N", SIGNING_KEY, channel.sealed):
        assert secret not in page
    assert "T0K3N" not in str(list(LogEntry.objects.values()))


def test_an_empty_field_keeps_its_secret_and_a_new_one_takes_its_place(sign_in: Any) -> None:
    browser = sign_in()
    browser.post(f"{CHANNELS}add/", form(token="first-token"))
    url = f"{CHANNELS}{Channel.objects.get().pk}/change/"
    assert browser.post(url, form(url="", signing_key="", token="second")).status_code == 302
    kept = sealing.unseal(Channel.objects.get())
    assert (kept.url, kept.signing_key, kept.token) == (form()["url"], SIGNING_KEY, "second")
    new = {"signing_key": "another-key-of-mine", "token": "", "forget_keys": "on"}
    browser.post(url, form(url="", **new))
    kept = sealing.unseal(Channel.objects.get())
    assert (kept.signing_key, kept.token) == ("another-key-of-mine", "")


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"url": ""}, "url", "Enter the URL"),
        ({"url": "ftp://example.org"}, "url", "https://"),
        ({"url": "https://user:pass@example.org"}, "url", "token instead"),
        ({"signing_key": "short"}, "url", "16 characters"),
        ({"signing_key": ""}, "signing_key", "needs a key"),
        ({"kind": "apprise", "url": "no url"}, "url", "Apprise URL"),
        ({"kind": "apprise", "url": "syslog://"}, "url", "machine"),
        ({"kind": "apprise", "url": "mailto://a", "for_people": "on"}, "url", "{recipient}"),
        ({"kind": "apprise", "url": "mailto://a?to={recipient}"}, "url", "mails to people"),
    ],
)
def test_a_channel_that_could_not_work_is_refused(
    sign_in: Any, changes: dict[str, Any], field: str, text: str
) -> None:
    assert text in str(errors(sign_in().post(f"{CHANNELS}add/", form(**changes)))[field])


def test_the_test_button_shows_what_the_channel_really_answers(
    sign_in: Any, make_channel: Any, make_receiver: Any
) -> None:
    receiver, browser = make_receiver(), sign_in()
    channel = make_channel(receiver.url, name="Ops")
    url = f"{CHANNELS}{channel.pk}/test/"
    assert (browser.get(url).status_code, receiver.got) == (405, [])
    receiver.status, receiver.answer = 403, f"no entry at {receiver.url}".encode()
    page = browser.post(url, follow=True).content.decode()
    assert "The test failed. Ops answered: HTTP 403 Forbidden: no entry at" in page
    assert "a-secret-path" not in page
    receiver.status, receiver.answer = 200, b"welcome"
    assert "Ops answered: HTTP 200 OK: welcome" in browser.post(url, follow=True).content.decode()
    assert receiver.got[0].json["subject"] == "[Test] AIOSMON, Ops"


def test_a_route_is_entered_as_people_write_it(sign_in: Any, make_channel: Any) -> None:
    data = {
        "name": "Nights",
        "position": 1,
        "enabled": "on",
        "matchers": 'component = cognitive_core\nclient=~"acme|globex"\n',
        "severity_floor": "high",
        "channels": [make_channel().pk],
        "notify_resolved": "on",
        "hours": "Mon-Fri 8:00-18:00",
        "time_zone": "Europe/Berlin",
        "digest_up_to": "low",
    }
    browser = sign_in("SLA manager")
    assert browser.post(f"{ROUTES}add/", data).status_code == 302
    route = Route.objects.get()
    assert route.matchers == [
        {"name": "component", "op": "=", "value": "cognitive_core"},
        {"name": "client", "op": "=~", "value": "acme|globex"},
    ]
    assert [span["day"] for span in route.hours] == [0, 1, 2, 3, 4]
    page = browser.get(f"{ROUTES}{route.pk}/change/").content.decode()
    assert "component=cognitive_core\nclient=~acme|globex" in page
    bad = errors(browser.post(f"{ROUTES}add/", {**data, "name": "B", "matchers": "who knows"}))
    assert "Line 1, “who knows”" in str(bad["matchers"])
    dull = {**data, "name": "C", "digest_minutes": 5}
    assert "stay empty" in str(errors(browser.post(f"{ROUTES}add/", dull))["digest_up_to"])


def test_what_was_given_up_is_sent_again_by_post_of_who_may(
    sign_in: Any, make_alert: Any, make_channel: Any, make_route: Any, event_of: Any
) -> None:
    from alerts.delivery import routing

    make_route(make_channel())
    event_of(make_alert())
    routing.route_new_events()
    (row,) = rows()
    again = f"{NOTIFICATIONS}{row.pk}/again/"
    Notification.objects.update(status=State.DEAD, attempts=16, last_error="HTTP 500")
    responder = sign_in("Responder")
    assert "HTTP 500" in responder.get(f"{NOTIFICATIONS}?status__exact=dead").content.decode()
    assert "Send again" in responder.get(f"{NOTIFICATIONS}{row.pk}/change/").content.decode()
    assert responder.get(again).status_code == 405
    assert sign_in("Viewer").post(again).status_code == 403
    assert rows()[0].status == State.DEAD
    assert responder.post(again).status_code == 302
    assert [(one.status, one.attempts, one.key) for one in rows()] == [(State.WAITING, 0, row.key)]
    Notification.objects.update(status=State.DEAD)
    chosen = {"action": "send_again", "_selected_action": [row.pk]}
    responder.post(NOTIFICATIONS, chosen)
    assert rows()[0].status == State.WAITING


def test_people_see_notifications_of_their_clients_and_no_channels_if_limited(
    sign_in: Any, make_alert: Any, make_channel: Any, event_of: Any, globex: Client
) -> None:
    channel, alert = make_channel(), make_alert()
    row = Notification.objects.create(
        event=event_of(alert),
        alert=alert,
        channel=channel,
        status=State.SENT,
        handed_at=timezone.now(),
    )
    page = f"{NOTIFICATIONS}{row.pk}/change/"
    assert sign_in("Viewer").get(page).status_code == 200
    limited = sign_in("Responder", clients=[globex])
    assert limited.get(page).status_code == 302
    assert limited.get(CHANNELS).status_code == limited.get(ROUTES).status_code == 403
    assert CHANNELS not in limited.get(NOTIFICATIONS).content.decode()
    manager = sign_in("SLA manager")
    assert manager.get(f"{CHANNELS}{channel.pk}/change/").status_code == 200
    assert manager.post(f"{CHANNELS}{channel.pk}/test/").status_code == 403
    assert manager.get(f"{CHANNELS}add/").status_code == 403
