"""Fixtures: a portal that obeys the test, and clients that end with it."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmon_sdk import Client, configure, default

from tests.sdk.portal import FakePortal


@pytest.fixture(autouse=True)
def _hears_warnings(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever level a Celery worker of another test has set on the root logger."""
    caplog.set_level(logging.INFO, logger="aiosmon_sdk")


@pytest.fixture
def portal() -> Iterator[FakePortal]:
    """A portal that stores all."""
    made = FakePortal()
    yield made
    made.resume()
    made.stop()


@pytest.fixture
def make_client(portal: FakePortal) -> Iterator[Callable[..., Client]]:
    """Clients with short times."""
    made: list[Client] = []

    def make(**options: Any) -> Client:
        short = {"batch_seconds": 0.02, "timeout_seconds": 0.5, "longest_pause_seconds": 0.3}
        names = {"url": portal.url, "api_key": "aiosmon_key", "service_name": "tests"}
        made.append(configure(**{**names, **short, "make_default": False, **options}))
        return made[-1]

    yield make
    for client in made:
        client.close(0)


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    """A client of the portal."""
    return make_client()


@pytest.fixture
def as_default(client: Client) -> Iterator[Client]:
    """The same client, used where none is named."""
    former, default._default = default._default, client
    yield client
    default._default = former
