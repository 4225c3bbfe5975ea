"""Real frameworks under real servers, while the portal is killed, restarted and hung."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.portal import free_port
from tests.sdk.portal import FakePortal, wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
ROUNDS = 12


def granian(interface: str, port: int) -> list[str]:
    return [
        *("granian", "--interface", interface, "--host", "127.0.0.1", "--port", str(port)),
        *("--workers-kill-timeout", "5", "--log-level", "error", "tests.sdk.apps:app"),
    ]


def gunicorn(interface: str, port: int) -> list[str]:
    worker = "asgi" if interface == "asgi" else "sync"
    return [
        *("gunicorn", "--preload", "-w", "2", "-k", worker, "-b", f"127.0.0.1:{port}"),
        *("--no-control-socket", "--log-level", "error", "tests.sdk.apps:app"),
    ]


SERVICES = {
    "starlette": "asgi",
    "fastapi": "asgi",
    "flask": "wsgi",
    "django-wsgi": "wsgi",
    "django-asgi": "asgi",
}
MATRIX = {
    f"{service}, {server.__name__}": (service, partial(server, interface))
    for service, interface in SERVICES.items()
    for server in (granian, gunicorn)
}


@contextmanager
def serving(service: str, argv: list[str], portal: FakePortal) -> Iterator[None]:
    env = {
        **os.environ,
        "SERVICE": service,
        "AIOSMON_URL": portal.url,
        "AIOSMON_API_KEY": "aiosmon_key",
        "AIOSMON_SERVICE": service,
        "DJANGO_SETTINGS_MODULE": "",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", *argv], cwd=CHECKOUT, env=env, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)


def ask(http: httpx.Client, number: int) -> None:
    """One request of each kind; the service's answers are always the same."""
    headers = {"X-Client": "acme", "X-Request-ID": f"r{number}"}
    assert http.get("/plain", headers=headers).text == "plain"
    assert http.get(f"/items/{number}").text == str(number)
    assert http.get("/fail").status_code == 500
    assert http.get("/missing").status_code == 404
    assert http.get("/plain", headers={"X-AIOSMON-Probe": "1"}).text == "plain"


def is_up(http: httpx.Client) -> bool:
    try:
        return http.get("/status").status_code == 200
    except httpx.HTTPError:
        return False


def counts(http: httpx.Client, workers: int) -> dict[int, dict[str, int]]:
    """The SDK's counts by process: new connections meet all workers sooner or later."""
    found: dict[int, dict[str, int]] = {}

    def have_all_answered() -> bool:
        status: dict[str, int] = http.get("/status").json()
        found[status.pop("pid")] = status
        return len(found) == workers

    wait_until(have_all_answered, 20)
    return found


@pytest.mark.parametrize("name", MATRIX)
def test_every_row_is_delivered_or_counted(name: str, portal: FakePortal) -> None:
    service, argv = MATRIX[name]
    port = free_port()
    limits = httpx.Limits(max_keepalive_connections=0)
    with (
        serving(service, argv(port), portal),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=10) as http,
    ):
        wait_until(lambda: is_up(http), 20)
        for number in range(ROUNDS):
            disturb(portal, number)
            ask(http, number)
        assert http.get("/stream").text == "one two three"
        found = counts(http, workers=2 if "gunicorn" in name else 1)
        wait_until(lambda: len(portal.rows) >= 4 * ROUNDS + 2)
        wait_until(lambda: len(portal.votes) >= ROUNDS)
    assert sorted(vote["request_id"] for vote in portal.votes) == sorted(
        f"r{number}" for number in range(ROUNDS)
    )
    check(portal.rows, found)


def disturb(portal: FakePortal, number: int) -> None:
    step = {2: portal.stop, 5: portal.start, 7: portal.hang, 10: portal.resume}.get(number)
    if step:
        step()


def check(rows: list[dict[str, Any]], found: dict[int, dict[str, int]]) -> None:
    started = [row for row in rows if row["metric_name"] == "started"]
    rows = [row for row in rows if row["metric_name"] != "started"]
    assert len(started) == 1
    lost = ("dropped", "rejected", "votes_dropped", "votes_rejected")
    assert sum(status[name] for status in found.values() for name in lost) == 0
    paths = Counter(
        re.sub(r"\{number(:int)?\}", "<int:number>", row["endpoint_path"]) for row in rows
    )
    expected = {"/plain", "/items/<int:number>", "/fail", "/missing"}
    assert paths == {**dict.fromkeys(expected, ROUNDS), "/stream": 1}
    for row in rows:
        check_row(row)


def check_row(row: dict[str, Any]) -> None:
    metadata, path = row["metadata"], row["endpoint_path"]
    assert row["success"] == (path != "/fail")
    if path == "/fail":
        assert metadata["error"] == "ValueError: broken"
    elif path == "/plain":
        assert row["client"] == "acme"
        assert row["request_id"].startswith("r")
    elif path == "/stream":
        assert row["ml_models_used"] == ["generator"]
        # Three parts, 50 ms after each; how soon the first one comes depends on the machine.
        assert row["metric_value"] - metadata["ttfb_ms"] > 145
    elif path.startswith("/items"):
        assert row["query_complexity"] == "simple"
    if path != "/stream":
        assert "ttfb_ms" not in metadata
        assert 0 < row["metric_value"] < 1000
