"""What each kind of channel sends, and where no channel may send to."""

import socket
from io import StringIO
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.management import call_command

from alerts.delivery import guard, messages, rendering, routing, sealing, sending, targets
from alerts.delivery.channels import http
from alerts.delivery.channels.base import Answer
from alerts.delivery.sealing import Secrets
from alerts.models import AlertEvent, Channel, Notification, Route
from tests.alerts.delivery.conftest import rows

pytestmark = pytest.mark.django_db
Kind = AlertEvent.Kind


@pytest.fixture
def send(make_alert: Any, make_channel: Any, make_route: Any, event_of: Any) -> Any:
    """Send an event on a channel: ``send(url, kind="apprise")``; returns its notification."""

    def run(url: str, *, about: dict[str, Any] | None = None, **fields: Any) -> Notification:
        channel = make_channel(url, **fields)
        Route.objects.all().delete()
        make_route(channel)
        event_of(make_alert(**(about or {})))
        routing.route_new_events()
        sending.send_due(channel.pk)
        return rows()[-1]

    return run


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "2002:a00:1::1",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_internal_addresses_are_refused(address: str, settings: Any) -> None:
    settings.NOTIFY_ALLOW = []
    assert not targets.is_permitted(address)
    assert targets.is_permitted("93.184.215.14")
    assert targets.is_permitted("2606:2800:21f:cb07:6820:80da:af6b:8b2c")


def test_a_name_is_judged_by_what_it_resolves_to(settings: Any) -> None:
    settings.NOTIFY_ALLOW = []
    with pytest.raises(targets.Refused, match=r"localhost \(.*AIOSMON_NOTIFY_ALLOW"):
        targets.resolve("localhost", 80)
    settings.NOTIFY_ALLOW = ["localhost"]
    assert targets.resolve("localhost", 80)
    settings.NOTIFY_ALLOW = ["10.0.0.0/8", ".corp.example"]
    assert targets.is_permitted("10.1.1.1")
    assert targets.is_allowed_name("hooks.CORP.example.")
    assert not targets.is_allowed_name("corp.example.evil.org")


@pytest.mark.parametrize("kind", ["webhook", "apprise"])
def test_nothing_is_sent_to_an_internal_target(
    send: Any, make_receiver: Any, settings: Any, kind: str
) -> None:
    settings.NOTIFY_ALLOW = []
    receiver = make_receiver()
    url = receiver.url.replace("http:", "json:") if kind == "apprise" else receiver.url
    row = send(url, kind=kind)
    assert "127.0.0.1 is an internal address" in row.last_error
    assert receiver.got == []


def test_redirects_are_not_followed(send: Any, make_receiver: Any) -> None:
    inside, outside = make_receiver(), make_receiver(307)
    outside.answer_headers = {"Location": inside.url}
    row = send(outside.url)
    assert "redirects are not followed" in row.last_error
    send(outside.url.replace("http:", "json:"), kind="apprise")
    assert (len(outside.got), inside.got) == (2, [])


def test_the_connection_goes_to_the_judged_address_under_the_names_host(
    make_receiver: Any, settings: Any, monkeypatch: Any
) -> None:
    receiver = make_receiver()
    port = int(receiver.url.split(":")[2].split("/")[0])
    asked: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("alerts.delivery.targets.socket.getaddrinfo", resolve)
    answer = http.post(f"http://hooks.example.org:{port}/x", b"{}", {}, 2)
    assert answer == Answer(True, "HTTP 200 OK: ok")
    assert receiver.got[0].headers["Host"] == f"hooks.example.org:{port}"
    assert asked[0] == "hooks.example.org"
    assert set(asked[1:]) <= {"127.0.0.1"}, "the name was resolved a second time"


def test_a_guard_holds_its_own_context_alone(make_receiver: Any, settings: Any) -> None:
    settings.NOTIFY_ALLOW = []
    port = int(make_receiver().url.split(":")[2].split("/")[0])
    with guard.guarded() as held, pytest.raises(PermissionError, match="internal"):
        socket.create_connection(("127.0.0.1", port), 1)
    assert "internal" in held.refused
    socket.create_connection(("127.0.0.1", port), 1).close()


def test_apprise_gets_subject_and_text_and_its_answer_is_kept(
    send: Any, make_receiver: Any
) -> None:
    receiver = make_receiver()
    row = send(receiver.url.replace("http:", "json:"), kind="apprise")
    assert (row.status, row.attempts) == ("sent", 1)
    got = receiver.got[0].json
    assert got["title"] == "[Medium] Simple queries: latency – Acme Manufacturing"
    assert "Too slow." in got["message"]
    receiver.status = 500
    row = send(receiver.url.replace("http:", "json:"), kind="apprise")
    assert "error=500" in row.last_error.replace(" ", "")
    assert "a-secret-path" not in row.last_error


def test_an_apprise_url_for_people_gets_the_persons_address(
    make_receiver: Any, make_channel: Any, make_alert: Any, make_user: Any, event_of: Any
) -> None:
    receiver = make_receiver()
    url = receiver.url.replace("http:", "json:") + "/{recipient}"
    channel = make_channel(url, kind="apprise", for_people=True)
    person = make_user("Responder", email="a+b@example.org")
    event_of(make_alert(), Kind.PAGED, data={"users": [person.pk]})
    routing.route_new_events()
    assert sending.send_due(channel.pk) == 1
    assert rows()[0].status == "sent"
    assert unquote(receiver.got[0].path).endswith("/a+b@example.org")


def test_alertmanagers_payload_is_its_version_4(send: Any, make_receiver: Any) -> None:
    receiver = make_receiver()
    about = {"labels": {"instance": "db-1"}, "business_impact": "Orders wait."}
    send(receiver.url, kind=Channel.Kind.ALERTMANAGER, name="pager", about=about)
    got = receiver.got[0].json
    assert {*got} == {
        "version",
        "groupKey",
        "truncatedAlerts",
        "status",
        "receiver",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "externalURL",
        "alerts",
    }
    assert (got["version"], got["status"], got["receiver"]) == ("4", "firing", "pager")
    (alert,) = got["alerts"]
    assert alert["labels"]["instance"] == "db-1"
    assert alert["labels"]["severity"] == "medium"
    assert alert["annotations"]["business_impact"] == "Orders wait."
    assert (alert["endsAt"], len(alert["fingerprint"])) == ("0001-01-01T00:00:00Z", 16)


def test_what_comes_from_outside_marks_nothing_up() -> None:
    evil = "<!channel> [x](http://evil.example) *b* <script>"
    block = [(evil, "https://p.example", [("Note", evil)], {})]
    markdown, html = rendering.markdown(block), rendering.html(block)
    assert "<" not in markdown
    assert "[x](" not in markdown
    assert "<script>" not in html


def test_a_message_says_what_a_person_needs(
    make_alert: Any, make_channel: Any, event_of: Any
) -> None:
    alert = make_alert(business_impact="Orders wait.", recommended_action="Roll back.")
    row = Notification(
        event=event_of(alert), alert=alert, channel=make_channel(), why="route Nights"
    )
    text = messages.of(row).text
    for part in (
        "Severity: Medium",
        "Client: Acme Manufacturing, standard",
        "Measured / promised:",
        "Business impact: Orders wait.",
        "Recommended action: Roll back.",
        "route Nights",
        f"https://portal.example.org/admin/alerts/alert/{alert.pk}/change/",
        "Acknowledge: https://portal.example.org/links/",
        "Resolve: https://portal.example.org/links/",
    ):
        assert part in text
    row.channel.signed_links = False
    assert "/links/" not in messages.of(row).text


def test_secrets_outlive_a_change_of_keys(make_channel: Any, settings: Any) -> None:
    channel = make_channel("https://example.org/a")
    settings.CHANNEL_KEYS = ["a first key of its own"]
    assert sealing.unseal(channel).url == "https://example.org/a"
    call_command("reseal_channels", stdout=StringIO())
    channel.refresh_from_db()
    settings.CHANNEL_KEYS = ["a second key", "a first key of its own"]
    assert sealing.unseal(channel).url == "https://example.org/a"
    settings.CHANNEL_KEYS = ["a second key"]
    with pytest.raises(sealing.Unsealable, match="AIOSMON_CHANNEL_KEY"):
        sealing.unseal(channel)
    assert "example" not in repr(Secrets("https://example.org/a"))
