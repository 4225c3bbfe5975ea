"""The portal about itself: heartbeats, its own alerts, its promise about alerts, the ping."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Client, User
from accounts.roles import VIEWER
from aiosmon import deadman, pulse, self_metrics, watcher
from aiosmon.beat import Scheduler
from aiosmon.dashboard import watching
from aiosmon.models import DeadManPing, Heartbeat
from alerts.delivery import slo
from alerts.models import Alert, AlertEvent, Channel, Notification
from alerts.raising import evaluation
from metrics.models import PerformanceMetric
from slas import compliance, objectives

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
OLD = 25 * SECOND


@pytest.fixture
def all_alive(db: None) -> None:
    for part in pulse.PARTS:
        pulse.beat(part.name)


def silence(*parts: str, age: timedelta = OLD) -> None:
    Heartbeat.objects.filter(name__in=parts).update(seen_at=timezone.now() - age)


# --- Heartbeats -----------------------------------------------------------------


def test_a_completed_pass_is_a_proof_and_one_that_stepped_back_is_none(acme: Client) -> None:
    from alerts.tasks import evaluate

    pulse._written.clear()
    evaluate.apply(throw=True)
    assert set(pulse.seen()) == {"evaluation"}
    silence("evaluation")
    pulse._written.clear()
    pulse.on_success(sender=evaluate, result=None)
    assert timezone.now() - pulse.seen()["evaluation"] >= OLD


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_beat_says_that_it_ticks() -> None:
    from aiosmon.celery import app

    scheduler = Scheduler(app=app, lazy=True)
    scheduler._say()
    assert "beat" in pulse.seen()


# --- Alerts of type self ----------------------------------------------------------


def test_a_silent_part_opens_one_alert_and_its_return_resolves_it(all_alive: None) -> None:
    assert watcher.check(timezone.now()) == []
    silence("evaluation")
    assert watcher.check(timezone.now()) == ["evaluation"]
    assert watcher.check(timezone.now()) == []
    alert = Alert.objects.get()
    assert (alert.alert_type, alert.status, alert.client.code) == ("self", "firing", "platform")
    assert "Evaluation has stopped" in alert.alert_message
    assert [event.kind for event in alert.events.all()] == ["opened"]
    pulse.beat("evaluation")
    assert watcher.check(timezone.now()) == ["evaluation"]
    alert.refresh_from_db()
    assert (alert.status, alert.resolution) == ("resolved", "recovered")


def test_an_evaluation_leaves_the_portals_own_alerts_alone(all_alive: None) -> None:
    silence("worker")
    watcher.check(timezone.now())
    evaluation.evaluate()
    assert Alert.objects.get().status == "firing"


def test_what_was_never_seen_is_not_reported(db: None) -> None:
    assert watcher.check(timezone.now()) == []
    assert not Alert.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_web_servers_that_look_at_once_open_one_alert() -> None:
    for part in pulse.PARTS:
        pulse.beat(part.name)
    silence("beat", "worker")
    threads = [threading.Thread(target=_check_and_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(Alert.objects.values_list("objective", flat=True)) == [
        "self:beat:heartbeat",
        "self:worker:heartbeat",
    ]
    assert AlertEvent.objects.count() == 2


def _check_and_close() -> None:
    watcher.check(timezone.now())
    connection.close()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_web_servers_thread_looks_by_itself_and_ends() -> None:
    pulse.beat("worker")
    silence("worker")
    looked = threading.Event()
    thread = watcher.Watcher(grace=0.01, seconds=0.01)
    original = thread._look

    def look() -> None:
        original()
        looked.set()

    thread._look = look  # type: ignore[method-assign]
    thread.start()
    assert looked.wait(10)
    thread.stop()
    assert Alert.objects.filter(alert_type="self").count() == 1


# --- The promise about alerts -----------------------------------------------------


@pytest.fixture
def raised(acme: Client) -> Callable[..., Alert]:
    """An alert whose measurements were committed some ms before it."""

    def make(ms: float, **fields: Any) -> Alert:
        now = timezone.now()
        values: dict[str, Any] = {
            "alert_type": "sla_breach",
            "severity": "high",
            "component": "cognitive_core",
            "metric_name": "m",
            "threshold_value": 1,
            "actual_value": 2,
            "alert_message": "Too slow.",
            "client": acme,
            "created_at": now,
            "data_committed_at": now - timedelta(milliseconds=ms),
            "fingerprint": f"{Alert.objects.count():064d}",
        }
        return Alert.objects.create(**{**values, **fields})

    return make


def test_the_figures_are_those_of_a_recount(raised: Callable[..., Alert]) -> None:
    times = [10.0 * n for n in range(1, 100)] + [2500.0]
    for ms in times:
        raised(ms)
    raised(1, data_committed_at=None)
    raised(9000, created_at=timezone.now() - timedelta(hours=25))
    now = timezone.now()
    stage = slo.processing(now - slo.SPAN, now)
    assert (stage.count, stage.within) == (100, sum(t <= 1000 for t in times))
    assert (stage.p50_ms, stage.p99_ms) == pytest.approx((sorted(times)[49], sorted(times)[98]))
    assert stage.is_kept
    assert stage.budget_left == pytest.approx(0)


def test_one_late_alert_of_ten_overspends_the_budget(raised: Callable[..., Alert]) -> None:
    for ms in [100] * 9 + [5000]:
        raised(ms)
    now = timezone.now()
    stage = slo.processing(now - slo.SPAN, now)
    assert stage.is_kept is False
    assert stage.budget_left == pytest.approx(-9)
    assert watching.budget_text(stage.budget_left) == "spent 10.0 times over"


def test_without_alerts_nothing_is_promised_or_broken() -> None:
    now = timezone.now()
    stage = slo.processing(now - slo.SPAN, now)
    assert (stage.count, stage.p99_ms, stage.is_kept, stage.budget_left) == (0, None, None, None)


def test_each_alert_becomes_one_metric_row_that_its_limit_is_judged_by(
    raised: Callable[..., Alert], platform: Client
) -> None:
    raised(4000)
    now = timezone.now()
    assert [self_metrics.report(now), self_metrics.report(now)] == [1, 0]
    row = PerformanceMetric.objects.get()
    assert (row.metric_name, row.metric_value, row.client) == (
        "alert_processing_time",
        pytest.approx(4000),
        platform,
    )
    (limit,) = [o for o in objectives.enabled() if o.metric_name == "alert_processing_time"]
    (finding,) = compliance.measure(limit, now - limit.window, now + SECOND)
    assert (finding.client_id, finding.status) == (platform.pk, "breach")


def test_the_age_of_the_front_pages_figures_is_a_metric(all_alive: None) -> None:
    pulse.beat("roll_up")
    silence("roll_up", age=7 * SECOND)
    assert self_metrics.report(timezone.now()) == 1
    row = PerformanceMetric.objects.get(metric_name="dashboard_refresh_time")
    assert row.metric_value == pytest.approx(7, abs=0.5)
    silence("evaluation")  # an alert of its own; after a start it says nothing of refreshing
    assert self_metrics.report(timezone.now()) == 0


# --- The dead-man's switch ---------------------------------------------------------


class Outside(HTTPServer):
    """Somebody who listens for pings."""

    answer, pings = 200, 0


class _Listens(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.pings += 1  # type: ignore[attr-defined]
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def outside(settings: Any) -> Iterator[Outside]:
    server = Outside(("127.0.0.1", 0), _Listens)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    settings.DEADMAN_URL = f"http://127.0.0.1:{server.server_port}/secret-path"
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def after(seconds: float) -> datetime:
    return timezone.now() + seconds * SECOND


def test_it_pings_once_an_interval_while_all_works(outside: Outside, all_alive: None) -> None:
    now = timezone.now()
    assert deadman.ping(now) == "Pinged"
    assert deadman.ping(now + 59 * SECOND) == ""
    later = now + 61 * SECOND
    Heartbeat.objects.update(seen_at=later)
    assert deadman.ping(later) == "Pinged"
    assert outside.pings == 2


@pytest.mark.parametrize("part", [part.name for part in pulse.PARTS])
def test_no_ping_without_a_proof_since_the_last_one(
    outside: Outside, all_alive: None, part: str
) -> None:
    now = timezone.now()
    deadman.ping(now)
    later = now + 61 * SECOND
    Heartbeat.objects.exclude(name=part).update(seen_at=later)
    assert deadman.ping(later).startswith("Held back: not proven alive")
    assert outside.pings == 1


def test_a_refusal_is_kept_without_the_secret(outside: Outside, all_alive: None) -> None:
    outside.answer = 503
    assert deadman.ping(timezone.now()) == "127.0.0.1 answered 503"
    last = DeadManPing.objects.get()
    assert (last.pinged_at, last.result) == (None, "127.0.0.1 answered 503")
    assert "secret" not in last.result


def test_nobody_listening_is_said_without_the_secret(
    outside: Outside, all_alive: None, settings: Any
) -> None:
    outside.server_close()
    result = deadman.ping(timezone.now())
    assert result == "ConnectError from 127.0.0.1"
    assert watching._switch(timezone.now()).word == "Failed"


def test_without_an_address_nothing_is_sent(all_alive: None, make_user: Any) -> None:
    assert deadman.ping(timezone.now()) == ""
    assert watching.panel(make_user(VIEWER), timezone.now()).switch.word == "Off"


# --- The front page -----------------------------------------------------------------


def test_who_sees_some_clients_is_shown_the_parts_alone(
    all_alive: None, make_user: Callable[..., User], acme: Client
) -> None:
    now = timezone.now()
    assert watching.panel(make_user(VIEWER, clients=[acme]), now).promises is None
    assert watching.panel(make_user(VIEWER), now).promises


def test_the_page_names_the_part_that_stopped(
    all_alive: None, make_user: Callable[..., User], client: Any
) -> None:
    silence("evaluation")
    client.force_login(make_user(VIEWER))
    page = client.get("/admin/").content.decode()
    assert re.search(r"The last heartbeat is 2[5-9] s old: is its schedule enabled", page)


# --- Until the channel takes it ------------------------------------------------------


@pytest.fixture
def told(raised: Callable[..., Alert]) -> Callable[..., Notification]:
    """A notification of an event that happened some seconds ago."""
    channel = Channel.objects.create(name="Ops", kind="webhook", sealed="", address="http://x")

    def make(seconds_ago: float, *, handed_after: float | None, **fields: Any) -> Notification:
        at = timezone.now() - seconds_ago * SECOND
        event = AlertEvent.objects.create(alert=raised(1), kind="opened", to_status="firing", at=at)
        handed = None if handed_after is None else at + handed_after * SECOND
        status = "waiting" if handed is None else "sent"
        values: dict[str, Any] = {"status": status, "handed_at": handed, **fields}
        return Notification.objects.create(
            event=event, alert=event.alert, channel=channel, **values
        )

    return make


def test_a_notification_counts_from_its_event_until_the_channel_took_it(
    told: Callable[..., Notification],
) -> None:
    told(60, handed_after=0.2)
    told(60, handed_after=7)
    told(60, handed_after=None, attempts=3)  # still nobody took it
    told(2, handed_after=None)  # has three seconds left
    now = timezone.now() + SECOND
    stage = slo.handed(now - slo.SPAN, now)
    assert (stage.count, stage.within) == (3, 1)
    assert stage.p50_ms == pytest.approx(7000)
    assert stage.p99_ms == pytest.approx(61_000, abs=1500)


def test_what_waits_by_somebodys_wish_is_not_late(told: Callable[..., Notification]) -> None:
    told(3600, handed_after=None, held="hours")
    told(3600, handed_after=None, status="withheld", held="digest")
    now = timezone.now() + SECOND
    assert slo.handed(now - slo.SPAN, now).count == 0
