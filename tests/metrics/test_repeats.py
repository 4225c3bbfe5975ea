"""A row that is sent again is stored once: event_id."""

import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Client
from metrics.models import PendingMinute, PerformanceMetric
from tests.metrics import wire

URL = "/api/v1/metrics/"


def row(**fields: Any) -> dict[str, Any]:
    """A row on the wire, identified."""
    identity = {"timestamp": timezone.now().isoformat(), "event_id": str(uuid.uuid4())}
    return wire.row(**{**identity, **fields})


def send(key: str, rows: Any) -> Any:
    """POST rows."""
    headers = {"Authorization": f"Bearer {key}"}
    return Browser().post(URL, rows, content_type="application/json", headers=headers)


def test_a_repeat_has_the_same_answer_and_stores_nothing(api_key: str) -> None:
    rows = [row(), row()]
    first, second = send(api_key, rows), send(api_key, rows)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert PerformanceMetric.objects.count() == 2


def test_a_batch_that_repeats_in_part_stores_the_rest(api_key: str) -> None:
    old, new, plain = row(), row(), row()
    del plain["event_id"]
    send(api_key, [old])
    assert send(api_key, [old, new, plain]).status_code == 201
    assert PerformanceMetric.objects.count() == 3


def test_a_row_twice_in_one_request_is_stored_once(api_key: str) -> None:
    same = row()
    assert send(api_key, [same, same]).json()["stored"] == 2
    assert PerformanceMetric.objects.count() == 1


def test_the_same_event_id_of_another_client_is_another_row(
    api_key: str, acme: Client, globex: Client
) -> None:
    same = row()
    send(api_key, [same | {"client": "acme"}, same | {"client": "globex"}])
    assert PerformanceMetric.objects.count() == 2


def test_two_metrics_of_one_event_are_two_rows(api_key: str) -> None:
    one = row()
    send(api_key, [one, one | {"metric_name": "concurrent_queries"}])
    assert PerformanceMetric.objects.count() == 2


def test_an_event_id_needs_its_timestamp(api_key: str) -> None:
    bad = row()
    del bad["timestamp"]
    (rejection,) = send(api_key, bad).json()["rejections"]
    assert rejection["field"] == "timestamp"
    assert "event_id" in rejection["problem"]


def test_a_word_is_no_event_id(api_key: str) -> None:
    (rejection,) = send(api_key, row(event_id="first")).json()["rejections"]
    assert rejection["field"] == "event_id"


def test_the_stored_time_and_id_are_the_ones_sent(api_key: str) -> None:
    moment, event = timezone.now(), uuid.uuid4()
    send(api_key, row(timestamp=moment.isoformat(), event_id=str(event)))
    stored = PerformanceMetric.objects.get()
    assert (stored.timestamp, stored.event_id) == (moment, event)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_many_who_send_the_same_at_once_store_it_once(api_key: str) -> None:
    now = datetime.now(UTC).isoformat()
    rows = [row(timestamp=now) for _ in range(50)]
    answers: list[int] = []

    def work() -> None:
        answers.append(send(api_key, rows).status_code)
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [201] * 4
    assert PerformanceMetric.objects.count() == 50
    assert PendingMinute.objects.exists()
