"""Eight writers, 200,000 numbered rows, and the servers killed under them: each row once."""

import json
import random
import threading
import time
import uuid
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from metrics.histogram import SMALLEST, bucket
from tests.live.portal import Portal, wait_for

pytestmark = pytest.mark.live

WRITERS, BATCHES, BATCH = 8, 50, 500
ROWS = WRITERS * BATCHES * BATCH
SERVICE = "faults"
# The share of the rows that is acknowledged when each fault strikes.
FAULTS = (("postgres", 0.15), ("web", 0.4), ("postgres", 0.65))
# So often an answer gets lost on its way: the writer must send again what is stored already.
LOST_EVERY = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
MINUTES = 20


class Writer:
    """A service that sends its batches one after another, each until it is acknowledged.

    Half of the writers number each row (event_id), the others each request (Idempotency-Key).
    """

    def __init__(self, portal: Portal, key: str, place: int, over: threading.Event) -> None:
        self.url, self.place, self.over = portal.url, place, over
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.by_row = place % 2 == 0
        self.acknowledged: list[range] = []
        self.attempts_failed = 0
        self.fault: BaseException | None = None
        self.thread = threading.Thread(target=self._send_all, daemon=True)
        self.thread.start()

    def _send_all(self) -> None:
        try:
            with httpx.Client(base_url=self.url, timeout=20) as client:
                for batch in range(BATCHES):
                    first = (self.place * BATCHES + batch) * BATCH
                    self._deliver(client, range(first, first + BATCH), batch)
        except Exception as error:  # noqa: BLE001  # the test's thread raises it
            self.fault = error

    def _deliver(self, client: httpx.Client, numbers: range, batch: int) -> None:
        body, headers = self._body(numbers), self.headers
        if not self.by_row:
            headers = headers | {"Idempotency-Key": f"{SERVICE}-{numbers.start}"}
        lost = batch % LOST_EVERY == 0
        pause = FIRST_PAUSE
        while not self._acknowledged(client, body, headers) or lost:
            lost = False
            assert not self.over.wait(pause * random.uniform(0.5, 1)), "the test gave up"
            pause = min(pause * 2, LONGEST_PAUSE)
        self.acknowledged.append(numbers)

    def _acknowledged(self, client: httpx.Client, body: bytes, headers: dict[str, str]) -> bool:
        try:
            answer = client.post("/api/v1/metrics/", content=body, headers=headers)
        except httpx.HTTPError:
            self.attempts_failed += 1
            return False
        assert answer.status_code in {201, 503}, answer.text
        if answer.status_code == 503:
            self.attempts_failed += 1
            return False
        assert answer.json()["stored"] == BATCH
        return True

    def _body(self, numbers: range) -> bytes:
        now = datetime.now(UTC)
        return json.dumps([self._row(number, now) for number in numbers]).encode()

    def _row(self, number: int, now: datetime) -> dict[str, Any]:
        row: dict[str, Any] = {
            "metric_name": "queue_size",
            "metric_category": "system_health",
            "metric_value": number,
            "measurement_unit": "count",
            "component": "cognitive_core",
            "service_name": SERVICE,
            "timestamp": (now - timedelta(minutes=number % MINUTES)).isoformat(),
        }
        return row | {"event_id": str(uuid.UUID(int=number + 1))} if self.by_row else row


class Writers:
    """All of them; what they wrote is known at any moment."""

    def __init__(self, portal: Portal, key: str) -> None:
        self.over = threading.Event()
        self.all = [Writer(portal, key, place, self.over) for place in range(WRITERS)]

    def __enter__(self) -> "Writers":
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for writer in self.all:
            writer.thread.join(30)

    def acknowledged(self) -> set[int]:
        """The numbers of the rows for which a writer has its 201."""
        self.check()
        return {n for writer in self.all for numbers in list(writer.acknowledged) for n in numbers}

    def count(self) -> int:
        """How many that are."""
        self.check()
        return sum(len(writer.acknowledged) for writer in self.all) * BATCH

    def attempts_failed(self) -> int:
        """Requests that were answered 503 or not at all."""
        return sum(writer.attempts_failed for writer in self.all)

    def check(self) -> None:
        """Raise what went wrong in a writer."""
        for writer in self.all:
            if writer.fault is not None:
                raise writer.fault


@pytest.fixture
def key(portal: Portal) -> str:
    """The demo's key, as the supervisor hands it over."""
    text = (portal.data / "data/run/bootstrap.json").read_text()
    return str(json.loads(text)["demo_api_key"])


def test_each_of_200_000_rows_is_stored_once_while_database_and_web_server_are_killed(
    portal: Portal, key: str
) -> None:
    began = time.monotonic()
    with Writers(portal, key) as writers:
        for service, share in FAULTS:
            wait_for(f"{share:.0%} of the rows", lambda s=share: writers.count() >= s * ROWS)
            strike(portal, service, writers)
        wait_for("the last acknowledgement", lambda: writers.count() == ROWS)
    times = times_stored(portal)
    assert set(times) == set(range(ROWS))
    assert set(times.values()) == {1}
    wait_for("roll-ups that equal a recount", lambda: rolled_up(portal) == recounted(portal))
    assert time.monotonic() - began < 60


def strike(portal: Portal, service: str, writers: Writers) -> None:
    """Kill a server; once it is back, whatever was acknowledged before is there, and once."""
    failed, acknowledged = writers.attempts_failed(), writers.acknowledged()
    assert len(acknowledged) < ROWS, "the writers were done before the fault"
    pid = portal.kill(service)
    wait_for(f"{service} to be started anew", lambda: portal.restarted(service, pid))
    wait_for("the portal to be ready", portal.ready)
    assert writers.attempts_failed() > failed, f"nobody noticed that {service} was killed"
    times = times_stored(portal)
    assert {number for number in acknowledged if times[number] != 1} == set()


def times_stored(portal: Portal) -> Counter[int]:
    """How often each number is in the table."""
    rows = portal.query(
        "SELECT metric_value::int, count(*) FROM ai_performance_metrics "
        "WHERE service_name = %s GROUP BY 1",
        SERVICE,
    )
    return Counter(dict(rows))


Minute = tuple[int, int, float, int, dict[int, int]]


def rolled_up(portal: Portal) -> dict[datetime, Minute]:
    """What the roll-ups say of each minute: total, succeeded, sum, zeroes and histogram."""
    rows = portal.query(
        "SELECT minute, total, succeeded, value_sum, hist_zero, hist_idx, hist_cnt "
        "FROM minute_rollups WHERE service_name = %s",
        SERVICE,
    )
    return {row[0]: (*row[1:5], dict(zip(*row[5:], strict=True))) for row in rows}


def recounted(portal: Portal) -> dict[datetime, Minute]:
    """The same, counted in plain Python from the rows."""
    minutes: dict[datetime, list[float]] = defaultdict(list)
    for minute, values in portal.query(
        "SELECT date_trunc('minute', \"timestamp\", 'UTC'), array_agg(metric_value) "
        "FROM ai_performance_metrics WHERE service_name = %s GROUP BY 1",
        SERVICE,
    ):
        minutes[minute] += values
    return {minute: _figures(values) for minute, values in minutes.items()}


def _figures(values: list[float]) -> Minute:
    histogram = Counter(bucket(value) for value in values if value >= SMALLEST)
    zeroes = sum(value < SMALLEST for value in values)
    return len(values), len(values), sum(values), zeroes, dict(histogram)
