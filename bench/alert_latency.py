"""Promise: from a metric's commit to the web-hook in a second at the 95th percentile.

200 promises of 200 components are broken one after the other by rows over REST,
with the portal's real processes, alone and while other rows pour in. The clock
runs from the answer to the rows (they are committed then) to the alert row, and
to the web-hook's arrival. The same change is watched by Prometheus and
Alertmanager in the same run, where they are installed.
"""

import json
import secrets
import sys
import threading
import time
from dataclasses import dataclass

import httpx

from bench import prometheus, servers
from bench.hooks import Receiver
from tests.live.portal import Portal, wait_for

BREACHES, EVERY_SECONDS, ROWS = 200, 0.25, 20
GATE, GOAL = 1.0, 0.2
# Over one connection. Without a pace it would take up whatever the way to the alert leaves.
LOAD_ROWS, LOAD_A_SECOND = 100, 10_000
SETTLE_SECONDS = 30.0

_PREPARE = """
from accounts import keys
from accounts.models import Client
from alerts.delivery import sealing
from alerts.models import Channel, Route
from django.utils import timezone
from metrics.models import Component
from slas import versions
from slas.models import ModelTarget, ResourceLimit, Sla
for model in (Sla, ModelTarget, ResourceLimit):
    model.objects.update(enabled=False)
Component.objects.bulk_create(
    Component(code=f"late{n}", name=f"Late {n}") for n in range(2 * %(count)s))
Sla.objects.bulk_create(Sla(code=f"late{n}", description="Bench", metric_name="late_time",
    component=f"late{n}", target_response_time=1000.0, max_response_time=2000.0,
    availability=99.0) for n in range(2 * %(count)s))
versions.sync(timezone.now())
Client.objects.create(code="late", name="Late")
sealed = sealing.seal(sealing.Secrets(url="%(url)s"))
channel = Channel.objects.create(name="bench", kind="webhook", sealed=sealed,
    address="bench", storm_per_minute=0)
Route.objects.create(name="bench", position=1).channels.add(channel)
print("key", keys.issue("bench", ["ingest"])[1])
"""


@dataclass(frozen=True)
class Broken:
    """One promise, broken: when its rows were answered, and when they were sent."""

    component: str
    sent: float
    committed: float


def run() -> bool:
    """Print the times; True when the gate is kept."""
    with Receiver() as receiver:
        kept = _portal(receiver)
    if prometheus.installed():
        prometheus.run(BREACHES, EVERY_SECONDS)
    else:
        print("  prometheus and prometheus-alertmanager are not installed: nothing to compare with")
    return kept


def _portal(receiver: Receiver) -> bool:
    secret = secrets.token_urlsafe(50)
    env = {"AIOSMON_SECRET_KEY": secret, "AIOSMON_DEMO": "0", "AIOSMON_NOTIFY_ALLOW": "127.0.0.0/8"}
    portal = Portal(**env)
    try:
        wait_for("the portal", portal.ready, 120)
        code = _PREPARE % {"count": BREACHES, "url": receiver.url}
        made = servers.manage(
            portal.state["database_url"], "shell", "-c", code, AIOSMON_SECRET_KEY=secret
        )
        key = made.split("key ")[-1].strip()
        alone = _measure(portal, receiver, key, 0, "alone")
        over = threading.Event()
        load = threading.Thread(target=_load, args=(portal.url, key, over))
        load.start()
        try:
            loaded = _measure(portal, receiver, key, BREACHES, "under load")
        finally:
            over.set()
            load.join(30)
    finally:
        portal.stop()
    return max(alone, loaded) <= GATE


def _measure(portal: Portal, receiver: Receiver, key: str, first: int, how: str) -> float:
    """Break the promises; print the times and return the p95 to the web-hook, in seconds."""
    broken = []
    with httpx.Client(base_url=portal.url, headers={"Authorization": f"Bearer {key}"}) as client:
        for number in range(first, first + BREACHES):
            began = time.monotonic()
            broken.append(_break(client, f"late{number}"))
            time.sleep(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))
    wanted = {one.component for one in broken}
    deadline = time.monotonic() + SETTLE_SECONDS
    while not wanted <= receiver.components() and time.monotonic() < deadline:
        time.sleep(0.1)
    opened = dict(
        portal.query(
            "SELECT component, extract(epoch FROM min(created_at))::float8 "
            "FROM ai_performance_alerts WHERE component = ANY(%s) GROUP BY 1",
            list(wanted),
        )
    )
    arrived = receiver.first()
    _line(f"commit to alert row, {how}", [opened.get(b.component, 0) - b.committed for b in broken])
    times = [arrived.get(one.component, 0) - one.committed for one in broken]
    missing = sum(one < 0 for one in times)
    if missing:
        print(f"  {missing} of {BREACHES} were not told within {SETTLE_SECONDS:g} s")
        return float("inf")
    return _line(f"commit to web-hook, {how}", times)


def _break(client: httpx.Client, component: str) -> Broken:
    row = {
        "metric_name": "late_time",
        "metric_category": "ai_query",
        "metric_value": 9000.0,
        "measurement_unit": "ms",
        "component": component,
        "service_name": "bench",
        "client": "late",
    }
    sent = time.time()
    answer = client.post("/api/v1/metrics/", json=[row] * ROWS)
    committed = time.time()
    assert answer.status_code == 201, answer.text
    return Broken(component, sent, committed)


def _load(url: str, key: str, over: threading.Event) -> None:
    """LOAD_A_SECOND good rows of another component, or as many as the portal takes."""
    row = {
        "metric_name": "other_time",
        "metric_category": "ai_query",
        "metric_value": 100.0,
        "measurement_unit": "ms",
        "component": "cognitive_core",
        "service_name": "bench",
        "client": "late",
    }
    rows, began = 0, time.monotonic()
    body = json.dumps([row] * LOAD_ROWS).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        while not over.is_set():
            client.post("/api/v1/metrics/", content=body)
            rows += LOAD_ROWS
            time.sleep(max(0.0, began + rows / LOAD_A_SECOND - time.monotonic()))
    print(f"  the load was {rows / (time.monotonic() - began):,.0f} rows/s")


def _line(name: str, seconds: list[float]) -> float:
    ordered = sorted(seconds)
    p50, p95, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95, 0.99))
    print(
        f"  {name:<36} p50 {p50:6.3f} s   p95 {p95:6.3f} s   p99 {p99:6.3f} s   "
        f"promise p95 <= {GATE:g} s, goal {GOAL:g} s"
    )
    return p95


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
