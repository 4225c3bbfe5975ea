"""Channels to receivers on this machine, routes, and events that wait to be routed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from alerts.delivery import sealing
from alerts.delivery.sealing import Secrets
from alerts.models import Alert, AlertEvent, Channel, Notification, Route
from alerts.triage import people
from tests.alerts.delivery.receiver import Receiver

SIGNING_KEY = "a-signing-key-of-the-tests"


@pytest.fixture(autouse=True)
def _this_machine_is_allowed(settings: Any) -> None:
    settings.NOTIFY_ALLOW = ["127.0.0.0/8"]
    settings.PORTAL_URL = "https://portal.example.org"


@pytest.fixture
def make_receiver() -> Iterator[Callable[..., Receiver]]:
    """Start a receiver: ``make_receiver(500)``."""
    started: list[Receiver] = []

    def make(status: int = 200, **options: Any) -> Receiver:
        started.append(Receiver(status, **options))
        return started[-1]

    yield make
    for one in started:
        one.stop()


@pytest.fixture
def make_channel(db: None) -> Callable[..., Channel]:
    """Make a channel to a URL: ``make_channel(receiver.url, storm_per_minute=2)``."""

    def make(url: str = "http://127.0.0.1:9/", **fields: Any) -> Channel:
        token = fields.pop("token", "")
        fields = {
            "name": f"Channel {Channel.objects.count() + 1}",
            "kind": Channel.Kind.WEBHOOK,
            "timeout_seconds": 1,
            "sealed": sealing.seal(Secrets(url, SIGNING_KEY, token)),
            **fields,
        }
        return Channel.objects.create(**fields)

    return make


@pytest.fixture
def make_route(db: None) -> Callable[..., Route]:
    """Make a route to channels: ``make_route(channel, severity_floor="high")``."""

    def make(*channels: Channel, **fields: Any) -> Route:
        route = Route.objects.create(
            **{"name": f"Route {Route.objects.count() + 1}", "position": 10, **fields}
        )
        route.channels.set(channels)
        return route

    return make


@pytest.fixture
def event_of() -> Callable[..., AlertEvent]:
    """Write an event of an alert: ``event_of(alert, "resolved")``."""

    def make(alert: Alert, kind: str = AlertEvent.Kind.OPENED, **fields: Any) -> AlertEvent:
        return people.record(alert, kind, **fields)

    return make


def rows(**filters: Any) -> list[Notification]:
    """Notifications, oldest first."""
    return list(Notification.objects.filter(**filters).order_by("id"))
