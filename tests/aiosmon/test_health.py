"""/healthz and /readyz, with each part really broken in turn."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from aiosmon import pulse
from aiosmon.models import Heartbeat
from aiosmon.tasks import heartbeat


def closed_port() -> int:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.fixture
def all_alive(db: None) -> None:
    """Every part has just been seen."""
    for part in pulse.PARTS:
        pulse.beat(part.name)


def ready() -> tuple[int, dict[str, str]]:
    answer = Browser().get("/readyz")
    return answer.status_code, answer.json()["checks"]


def test_healthz_answers_without_any_store(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert Browser().get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_get_is_taken(path: str) -> None:
    assert Browser().post(path).status_code == 405


@pytest.mark.django_db
def test_it_is_ready_when_all_parts_work(all_alive: None) -> None:
    assert ready() == (
        200,
        dict.fromkeys(("database", "broker", *(part.name for part in pulse.PARTS)), "ok"),
    )


@pytest.mark.django_db
def test_it_is_not_ready_before_the_first_heartbeat() -> None:
    status, checks = ready()
    assert status == 503
    assert all("No heartbeat yet" in checks[part.name] for part in pulse.PARTS)


@pytest.mark.django_db
@pytest.mark.parametrize("part", [part.name for part in pulse.PARTS])
@pytest.mark.parametrize(("age", "status"), [(19, 200), (21, 503), (900, 503)])
def test_it_is_not_ready_when_a_heartbeat_is_old(
    all_alive: None, part: str, age: int, status: int
) -> None:
    seen = timezone.now() - timedelta(seconds=age)
    Heartbeat.objects.filter(name=part).update(seen_at=seen)
    found, checks = ready()
    assert found == status
    silent = {name for name, text in checks.items() if text != "ok"}
    assert silent == ({part} if status == 503 else set())
    if status == 503:
        assert f"{age} s old" in checks[part]


@pytest.mark.django_db
def test_each_heartbeat_replaces_the_last() -> None:
    heartbeat()
    first = Heartbeat.objects.get().seen_at
    heartbeat()
    assert Heartbeat.objects.get(name="worker").seen_at > first


@pytest.mark.django_db
def test_it_is_not_ready_without_the_broker_and_says_so_at_once(
    settings: Any, all_alive: None
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{closed_port()}/0"
    started = time.monotonic()
    status, checks = ready()
    assert time.monotonic() - started < 1
    assert (status, checks["database"], checks["beat"]) == (503, "ok", "ok")
    assert checks["broker"] == "The broker does not answer."


@pytest.mark.django_db
def test_a_broker_that_never_answers_costs_two_seconds_at_most(
    settings: Any, all_alive: None
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        started = time.monotonic()
        assert ready()[0] == 503
    assert time.monotonic() - started < 4


@contextmanager
def no_database() -> Iterator[None]:
    """The database's address leads to a port on which nobody listens."""
    good = {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
    connection.close()
    connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(closed_port())}
    try:
        yield
    finally:
        connection.settings_dict |= good


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_it_is_not_ready_without_the_database(caplog: pytest.LogCaptureFixture) -> None:
    with no_database():
        status, checks = ready()
    assert (status, checks["broker"]) == (503, "ok")
    assert checks["database"] == "PostgreSQL does not answer."
    assert "127.0.0.1" in caplog.text  # what it keeps from strangers, the log tells
    assert checks["beat"] == "Unknown: the database does not answer."
