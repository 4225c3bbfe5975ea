"""kill -9 of each part in turn: nothing acknowledged is lost, and work goes on."""

import threading
import time
import uuid
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from tests.live.portal import Portal, wait_for

pytestmark = pytest.mark.live

BATCH = 20


class Writer:
    """A service that sends numbered rows and keeps a list of what was acknowledged."""

    def __init__(self, portal: Portal, key: str) -> None:
        self.portal, self.run = portal, uuid.uuid4().hex[:8]
        self.acknowledged: list[str] = []
        self.headers = {"Authorization": f"Bearer {key}"}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._send_all, daemon=True)

    def __enter__(self) -> "Writer":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(60)
        assert not self.thread.is_alive()

    def _send_all(self) -> None:
        number = 0
        with httpx.Client(base_url=self.portal.url, timeout=20) as client:
            while not self.over.wait(0.02):
                ids = [f"{self.run}-{number + n}" for n in range(BATCH)]
                if self._sent(client, ids):
                    self.acknowledged += ids
                number += BATCH

    def _sent(self, client: httpx.Client, ids: list[str]) -> bool:
        at = datetime.now(UTC).isoformat()
        rows = [
            {
                "metric_name": "queue_size",
                "metric_category": "system_health",
                "metric_value": 1,
                "measurement_unit": "count",
                "component": "cognitive_core",
                "service_name": "writer",
                "request_id": request_id,
                "timestamp": at,
            }
            for request_id in ids
        ]
        try:
            answer = client.post("/api/v1/metrics/", json=rows, headers=self.headers)
        except httpx.HTTPError:
            return False
        assert answer.status_code in {201, 503}, answer.text
        return answer.status_code == 201


@pytest.fixture(scope="module")
def key(portal: Portal) -> str:
    """The demo's key, as the supervisor hands it over."""
    import json

    text = (portal.data / "data/run/bootstrap.json").read_text()
    return str(json.loads(text)["demo_api_key"])


@pytest.mark.parametrize("service", ["worker", "probes", "valkey", "postgres", "web"])
def test_a_killed_part_comes_back_and_nothing_acknowledged_is_lost(
    portal: Portal, key: str, service: str
) -> None:
    with Writer(portal, key) as writer:
        wait_for("some rows", lambda: len(writer.acknowledged) > 5 * BATCH)
        if service == "worker":
            wait_for("a task under way", lambda: task_under_way(portal), 30)
        pid = portal.kill(service)
        wait_for(f"{service} to be started anew", lambda: portal.restarted(service, pid), 60)
        wait_for("the portal to be ready", portal.ready, 90)
        before = len(writer.acknowledged)
        wait_for("new rows", lambda: len(writer.acknowledged) > before + 5 * BATCH, 60)
    stored = {
        request_id
        for (request_id,) in portal.query(
            "SELECT request_id FROM ai_performance_metrics WHERE request_id LIKE %s",
            f"{writer.run}-%",
        )
    }
    assert set(writer.acknowledged) <= stored
    work_goes_on(portal)


def task_under_way(portal: Portal) -> bool:
    """Whether a worker's transaction is open right now (the roll-up's locks are seen)."""
    rows = portal.query(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    )
    return bool(rows)


def work_goes_on(portal: Portal) -> None:
    """Roll-ups equal the rows again, probes run, evaluation judges."""
    began = datetime.now(UTC)

    def rolled_up() -> bool:
        rows = portal.query(
            "SELECT count(*) FROM ai_performance_metrics WHERE service_name = 'writer'"
        )
        sums = portal.query("SELECT sum(total) FROM minute_rollups WHERE service_name = 'writer'")
        return bool(rows[0][0] == sums[0][0])

    def probed() -> bool:
        return bool(portal.query("SELECT 1 FROM probes WHERE last_run_at > %s LIMIT 1", began))

    def judged() -> bool:
        newest = portal.query("SELECT max(xmin::text::bigint) FROM verdicts")[0][0]
        return bool(newest and newest > last)

    last = portal.query("SELECT coalesce(max(xmin::text::bigint), 0) FROM verdicts")[0][0]
    wait_for("roll-ups to equal the rows", rolled_up, 60)
    wait_for("a probe", probed, 60)
    wait_for("a verdict", judged, 60)


def test_the_database_is_really_down_after_its_kill(portal: Portal) -> None:
    """Guards the test above: were the kill harmless, it would prove nothing."""
    pid = portal.kill("postgres")
    seen_down = False
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not portal.restarted("postgres", pid):
        try:
            portal.query("SELECT 1")
        except psycopg.OperationalError:
            seen_down = True
    assert seen_down
    wait_for("the portal to be ready", portal.ready, 90)


def test_a_probe_whose_worker_is_killed_in_mid_run_is_run_again(portal: Portal) -> None:
    """Its lease ends with the timeout and the time a run may wait; then it is due again.

    Nothing waits for the broker to hand the lost task on: Redis does that only
    after the visibility timeout, a quarter of an hour.
    """
    slow = {"component": "user_interface", "slowdown": 3000}
    try:
        httpx.post(f"{portal.demo_url}/demo/degrade", json=slow, timeout=10)
        claim = wait_for("a run in flight", lambda: fresh_claim(portal), 60)
        portal.kill("probes")
        killed_at = datetime.now(UTC)
    finally:
        httpx.post(f"{portal.demo_url}/demo/recover", json={}, timeout=10)
    assert probe_state(portal)[1] == claim, "the run was over before its worker was killed"

    def ran_again() -> bool:
        last_run_at, _holder = probe_state(portal)
        return last_run_at is not None and last_run_at > killed_at

    wait_for("the next run", ran_again, 60)


PROBE = "Demo: user feedback"


def fresh_claim(portal: Portal) -> str | None:
    """The token of a run whose lease was taken less than two seconds ago."""
    sql = (
        "SELECT claim::text FROM probes WHERE name = %s AND claim IS NOT NULL AND claimed_until "
        "> now() + make_interval(secs => timeout_seconds + 13)"
    )
    rows = portal.query(sql, PROBE)
    return str(rows[0][0]) if rows else None


def probe_state(portal: Portal) -> tuple[datetime | None, str | None]:
    """When the probe last ran, and who holds it."""
    sql = "SELECT last_run_at, claim::text FROM probes WHERE name = %s"
    return portal.query(sql, PROBE)[0]  # type: ignore[return-value]
