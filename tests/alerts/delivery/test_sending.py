"""What is due is sent, tried again with the same key, and given up in the end."""

import hashlib
import hmac
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from alerts.delivery import routing, sending
from alerts.models import AlertEvent, Channel, Notification
from tests.alerts.delivery.conftest import SIGNING_KEY, rows
from tests.alerts.delivery.receiver import until

pytestmark = pytest.mark.django_db
State, Kind = Notification.Status, AlertEvent.Kind


@pytest.fixture
def tell(make_alert: Any, make_route: Any, event_of: Any) -> Any:
    """Route one event to channels: ``tell(channel)``; returns the alert."""

    def run(*channels: Channel, **fields: Any) -> Any:
        make_route(*channels)
        alert = make_alert(**fields)
        event_of(alert)
        routing.route_new_events()
        return alert

    return run


def again(channel: Channel) -> None:
    """Let all time pass that a failure makes wait."""
    Notification.objects.filter(status=State.WAITING).update(due_at=timezone.now())
    Channel.objects.filter(pk=channel.pk).update(paused_until=None)


def test_what_is_sent_is_signed_and_says_when_it_was_handed_over(
    make_receiver: Any, make_channel: Any, tell: Any
) -> None:
    receiver = make_receiver()
    channel = make_channel(receiver.url, token="t0ken-of-mine")
    alert = tell(channel)
    assert sending.send_due(channel.pk) == 1
    (got,), (row,) = receiver.got, rows()
    signed = f"{got.headers['X-Aiosmon-Timestamp']}.".encode() + got.body
    expected = hmac.new(SIGNING_KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert got.headers["X-Aiosmon-Signature"] == f"v1={expected}"
    assert got.headers["X-Aiosmon-Event"] == str(row.event_id)
    assert got.headers["Authorization"] == "Bearer t0ken-of-mine"
    assert (got.key, got.json["alerts"][0]["id"]) == (str(row.key), alert.pk)
    assert (row.status, row.response, row.attempts) == (State.SENT, "HTTP 200 OK: ok", 1)
    assert row.event is not None
    assert row.handed_at is not None
    assert row.handed_at > row.event.at


def test_a_failure_is_tried_again_later_with_the_same_key(
    make_receiver: Any, make_channel: Any, tell: Any
) -> None:
    receiver = make_receiver(500)
    channel = make_channel(receiver.url)
    tell(channel)
    sending.send_due(channel.pk)
    (row,) = rows()
    assert (row.status, row.attempts, row.last_error) == (
        State.WAITING,
        1,
        "HTTP 500 Internal Server Error: ok",
    )
    assert row.due_at > timezone.now()
    assert sending.send_due(channel.pk) == 0, "the channel must rest"
    receiver.status = 204
    again(channel)
    sending.send_due(channel.pk)
    assert {got.key for got in receiver.got} == {str(row.key)}
    assert [(row.status, row.attempts) for row in rows()] == [(State.SENT, 2)]
    channel.refresh_from_db()
    assert (channel.failures, channel.paused_until) == (0, None)


@pytest.mark.parametrize(("status", "tries"), [(503, sending.MOST_ATTEMPTS), (404, 3)])
def test_it_is_given_up_in_the_end_and_can_be_sent_again(
    make_receiver: Any, make_channel: Any, tell: Any, status: int, tries: int
) -> None:
    receiver = make_receiver(status)
    channel = make_channel(receiver.url)
    tell(channel)
    while rows()[0].status == State.WAITING:
        again(channel)
        assert sending.send_due(channel.pk) == 1
    assert (rows()[0].status, len(receiver.got)) == (State.DEAD, tries)
    receiver.status = 200
    assert sending.resend([rows()[0].pk]) == 1
    again(channel)
    sending.send_due(channel.pk)
    assert rows()[0].status == State.SENT
    assert len({got.key for got in receiver.got}) == 1


def test_what_a_dead_worker_had_claimed_is_sent_when_its_lease_ends(
    make_receiver: Any, make_channel: Any, tell: Any
) -> None:
    receiver = make_receiver()
    channel = make_channel(receiver.url)
    tell(channel)
    claimed = sending._claim(channel, timezone.now())
    assert claimed is not None
    assert sending.send_due(channel.pk) == 0
    Notification.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sending.channels_due() == [channel.pk]
    assert sending.send_due(channel.pk) == 1
    assert (rows()[0].status, rows()[0].attempts) == (State.SENT, 2)
    sending._record(claimed, sending.Answer(False, "too late"))
    assert rows()[0].status == State.SENT


def test_what_kills_its_worker_each_time_is_given_up(make_channel: Any, tell: Any) -> None:
    channel = make_channel()
    tell(channel)
    past = timezone.now() - timedelta(seconds=1)
    Notification.objects.update(
        status=State.LEASED,
        attempts=sending.MOST_ATTEMPTS,
        lease_owner="a worker that died",
        lease_until=past,
    )
    sending.send_due(channel.pk)
    assert (rows()[0].status, rows()[0].last_error) == (State.DEAD, "No try ever came to an end.")


def test_the_end_of_an_alert_is_never_told_before_its_beginning(
    make_receiver: Any, make_channel: Any, tell: Any, event_of: Any
) -> None:
    receiver = make_receiver(500)
    channel = make_channel(receiver.url)
    alert = tell(channel)
    sending.send_due(channel.pk)
    event_of(alert, Kind.RESOLVED)
    routing.route_new_events()
    Channel.objects.update(paused_until=None)
    assert sending.send_due(channel.pk) == 0
    receiver.status = 200
    again(channel)
    sending.send_due(channel.pk)
    assert [got.json["kind"] for got in receiver.got] == ["opened", "opened", "resolved"]


def test_a_channel_that_hangs_ends_at_its_timeout(
    make_receiver: Any, make_channel: Any, tell: Any
) -> None:
    channel = make_channel(make_receiver(hangs=True).url)
    tell(channel)
    began = time.monotonic()
    sending.send_due(channel.pk)
    assert time.monotonic() - began < 2
    assert rows()[0].last_error == "No answer within 1 s."


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_channel_that_hangs_delays_no_other_and_is_drained_by_one_thread_alone(
    make_receiver: Any, make_channel: Any, tell: Any
) -> None:
    hanging, healthy = make_receiver(hangs=True), make_receiver()
    stuck = make_channel(hanging.url, timeout_seconds=20)
    well = make_channel(healthy.url)
    tell(stuck, well)
    thread = threading.Thread(target=_drain, args=(stuck.pk,))
    thread.start()
    assert until(lambda: hanging.got)
    assert sending.send_due(stuck.pk) == 0
    assert sending.send_due(well.pk) == 1
    hanging.let_go()
    thread.join(10)
    assert {row.status for row in rows()} == {State.SENT}
    assert (len(hanging.got), len(healthy.got)) == (1, 1)


def _drain(channel_id: int) -> None:
    try:
        sending.send_due(channel_id)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_many_workers_at_once_each_row_is_written_and_sent_by_one(
    make_receiver: Any, make_channel: Any, make_route: Any, make_alert: Any, event_of: Any,
    together: Any,
) -> None:  # fmt: skip
    receiver = make_receiver()
    channel = make_channel(receiver.url, storm_per_minute=0)
    make_route(channel)
    for _ in range(20):
        event_of(make_alert())
    assert sum(together(4, routing.route_new_events)) == 20
    assert sum(together(4, sending.send_due, channel.pk)) == 20
    assert sorted(got.key for got in receiver.got) == sorted(str(row.key) for row in rows())


def test_a_summary_names_each_alert_once_with_the_worst_first(
    make_receiver: Any, make_channel: Any, make_route: Any, make_alert: Any, event_of: Any
) -> None:
    receiver = make_receiver()
    channel = make_channel(receiver.url, storm_per_minute=1)
    make_route(channel)
    for severity in ("low", *["medium"] * 30, "critical"):
        event_of(make_alert(severity=severity))
    routing.route_new_events()
    again(channel)
    sending.send_due(channel.pk)
    single, summary = (got.json for got in receiver.got)
    assert single["alerts"][0]["severity"] == "low"
    assert summary["subject"] == "[Many alerts at once] 31 alerts, worst: critical"
    assert summary["text"].startswith("[Critical]")
    assert "… and 11 more" in summary["text"]
    assert len(summary["alerts"]) == 31


def test_the_limit_that_a_channel_asks_for_is_kept(
    make_receiver: Any, make_channel: Any, tell: Any
) -> None:
    receiver = make_receiver(429)
    receiver.answer_headers = {"Retry-After": "300"}
    channel = make_channel(receiver.url)
    tell(channel)
    sending.send_due(channel.pk)
    assert rows()[0].due_at > timezone.now() + timedelta(seconds=290)


def test_settled_notifications_are_forgotten_and_waiting_ones_kept(
    make_channel: Any, tell: Any, settings: Any
) -> None:
    tell(make_channel(), make_channel())
    old = timezone.now() - timedelta(days=settings.NOTIFICATION_RETENTION_DAYS + 1)
    Notification.objects.update(created_at=old)
    Notification.objects.filter(pk=rows()[0].pk).update(status=State.DEAD)
    assert sending.forget_old(timezone.now()) == 1
    assert [row.status for row in rows()] == [State.WAITING]
