"""500 breaches while the portal's parts are killed: one alert each, told on every channel."""

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.alerts.delivery.receiver import Receiver
from tests.live.portal import Portal, wait_for

pytestmark = pytest.mark.live

CLIENTS, ROWS = 500, 5
CHUNK = 100
OBJECTIVE = "sla:simple_queries:latency"
# Struck while the alerts of a chunk are raised and told.
FAULTS = ("worker", "delivery", "valkey", "postgres", "delivery")


@pytest.fixture
def make_receiver() -> Iterator[Callable[..., Receiver]]:
    """Receivers that end with the test."""
    started: list[Receiver] = []

    def make(status: int = 200, **options: Any) -> Receiver:
        started.append(Receiver(status, **options))
        return started[-1]

    yield make
    for one in started:
        one.stop()


class Admin:
    """The administrator's browser."""

    def __init__(self, portal: Portal) -> None:
        self.portal, self.client = portal, portal.sign_in()

    def __enter__(self) -> "Admin":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def post(self, path: str, **data: Any) -> str:
        """Send a form as the page does; the text of the page that follows."""
        form = {**data, "csrfmiddlewaretoken": self.client.cookies["csrftoken"]}
        headers = {"Referer": self.portal.url}
        answer = self.client.post(f"/admin/{path}add/", data=form, headers=headers)
        assert not answer.url.path.endswith("/add/"), answer.text
        return answer.text

    def channel(self, name: str, receiver: Receiver) -> int:
        """Make a channel to a receiver; its id."""
        self.post(
            "alerts/channel/", name=name, kind="webhook", enabled="on", url=receiver.url,
            signing_key="a-key-of-the-fault-test", timeout_seconds=1, storm_per_minute=0,
        )  # fmt: skip
        return int(self.portal.query("SELECT id FROM channels WHERE name = %s", name)[0][0])


def test_each_of_500_breaches_is_told_on_every_channel_whatever_is_killed(
    portal: Portal, make_receiver: Callable[..., Receiver]
) -> None:
    receivers = {
        "well": make_receiver(),
        "hangs": make_receiver(hangs=True),
        "fails": make_receiver(500),
    }
    with Admin(portal) as admin:
        key, ids = set_up(admin, receivers)
    for number, service in enumerate(FAULTS):
        breach(portal, key, range(number * CHUNK + 1, (number + 1) * CHUNK + 1))
        wait_for("some of them", lambda n=number: alerted(portal) > n * CHUNK)
        pid = portal.kill(service)
        wait_for(f"{service} to be started anew", lambda s=service, p=pid: portal.restarted(s, p))
    wait_for("all alerts", lambda: alerted(portal) == CLIENTS, 120)
    # The healthy channel has them all while the others still fail.
    wait_for("the healthy channel", lambda: unsent(portal, ids["well"]) == 0, 120)
    assert receivers["hangs"].hangs
    receivers["hangs"].let_go()
    receivers["fails"].status = 200
    wait_for("every channel", lambda: unsent(portal, *ids.values()) == 0, 300)
    assert_told(portal, ids, receivers)


def set_up(admin: Admin, receivers: dict[str, Receiver]) -> tuple[str, dict[str, int]]:
    """An API key, channels by name, a route to them, and the clients."""
    ids = {name: admin.channel(name, receiver) for name, receiver in receivers.items()}
    admin.post(
        "alerts/route/", name="All", position=1, enabled="on", matchers="client=~fault-.*",
        severity_floor="low", digest_up_to="low", time_zone="UTC", channels=list(ids.values()),
    )  # fmt: skip
    page = admin.post("accounts/apikey/", name="faults", scopes="ingest")
    found = re.search(r"aiosmon_\w+_[\w-]+", page)
    assert found
    admin.portal.query(
        "INSERT INTO clients (code, name, tier, time_zone, active) SELECT 'fault-' || n, "
        "'Client ' || n, 'standard', 'UTC', true FROM generate_series(1, %s) AS n",
        CLIENTS,
    )
    return found[0], ids


def breach(portal: Portal, key: str, clients: range) -> None:
    """Slow requests of these clients, sent until they are acknowledged."""
    at = datetime.now(UTC).isoformat()
    rows = [
        {
            "metric_name": "conversational_query_response_time",
            "metric_category": "ai_query",
            "metric_value": 4000,
            "measurement_unit": "ms",
            "query_complexity": "simple",
            "component": "cognitive_core",
            "service_name": "faults",
            "client": f"fault-{client}",
            "timestamp": at,
            "event_id": str(uuid.uuid4()),
        }
        for client in clients
        for number in range(ROWS)
    ]

    def sent() -> bool:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{portal.url}/api/v1/metrics/"
        try:
            answer = httpx.post(url, json=rows, headers=headers, timeout=20)
        except httpx.HTTPError:
            return False
        assert answer.status_code in {201, 503}, answer.text[:300]
        return answer.status_code == 201

    wait_for("the rows to be stored", sent)


def count(portal: Portal, sql: str, *values: Any) -> int:
    """A number; −1 while the database is away."""
    try:
        return int(portal.query(sql, *values)[0][0])
    except Exception:  # noqa: BLE001  # that it is killed is the point
        return -1


def alerted(portal: Portal) -> int:
    """Clients with an alert."""
    return count(
        portal,
        "SELECT count(DISTINCT client_id) FROM ai_performance_alerts a JOIN clients c "
        "ON c.id = a.client_id WHERE c.code ~ '^fault-' AND objective = %s",
        OBJECTIVE,
    )


def unsent(portal: Portal, *channels: int) -> int:
    """Events that these channels have not taken, or that nobody has decided on."""
    return count(
        portal,
        "SELECT (SELECT count(*) FROM notifications WHERE channel_id = ANY(%s) "
        "AND status <> 'sent') + (SELECT count(*) FROM alert_events WHERE routed_at IS NULL)",
        list(channels),
    )


def assert_told(portal: Portal, ids: dict[str, int], receivers: dict[str, Receiver]) -> None:
    """One alert a breach; each event of it with each channel, by one key, in table and receiver."""
    alerts = portal.query(
        "SELECT client_id, objective, count(*) FROM ai_performance_alerts a JOIN clients c "
        "ON c.id = a.client_id WHERE c.code ~ '^fault-' GROUP BY 1, 2"
    )
    assert {number for _client, _objective, number in alerts} == {1}
    assert sum(objective == OBJECTIVE for _, objective, _ in alerts) == CLIENTS
    events = {
        pk
        for (pk,) in portal.query(
            "SELECT e.id FROM alert_events e JOIN ai_performance_alerts a ON a.id = e.alert_id "
            "JOIN clients c ON c.id = a.client_id WHERE c.code ~ '^fault-' "
            "AND e.kind IN ('opened', 'escalated', 'resolved')"
        )
    }
    assert len(events) >= CLIENTS
    for name, channel in ids.items():
        rows = portal.query(
            "SELECT event_id, key::text FROM notifications WHERE channel_id = %s", channel
        )
        keys = dict(rows)
        assert len(rows) == len(keys)
        got: dict[int, set[str]] = defaultdict(set)
        for one in receivers[name].got:
            assert json.loads(one.body)["event_id"] == int(one.headers["X-Aiosmon-Event"])
            got[int(one.headers["X-Aiosmon-Event"])].add(one.key)
        assert got == {event: {key} for event, key in keys.items()}, name
        assert events <= set(got), name
