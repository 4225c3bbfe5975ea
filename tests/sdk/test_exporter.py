"""Rows reach the portal once, or are counted, whatever the portal does."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from aiosmon_sdk import Client, exporter
from aiosmon_sdk.call import Call

from tests.sdk.portal import FakePortal, wait_until

MakeClient = Callable[..., Client]


def send(client: Client, number: int, start: int = 0) -> None:
    for n in range(start, start + number):
        client.record("work", n, request_id=f"r{n}")


def numbers(portal: FakePortal) -> list[int]:
    return sorted(int(row["metric_value"]) for row in portal.rows)


def test_it_delivers_every_row_once_in_gzipped_batches(portal: FakePortal, client: Client) -> None:
    send(client, 1200)
    assert client.flush(5)
    assert numbers(portal) == list(range(1200))
    nothing = dict.fromkeys(("rejected", "dropped", "queued", "retried", "clipped"), 0)
    votes = dict.fromkeys((f"votes_{name}" for name in ("sent", *nothing)), 0)
    assert client.stats() == {"sent": 1200, **nothing, **votes}
    _, headers, body = portal.requests[0]
    assert headers["Authorization"] == "Bearer aiosmon_key"
    assert headers["Content-Encoding"] == "gzip"
    assert body[:2] == b"\x1f\x8b"


def test_it_sends_a_lone_row_without_being_asked(portal: FakePortal, client: Client) -> None:
    send(client, 1)
    wait_until(lambda: len(portal.rows) == 1, 2)


def test_it_sends_a_full_batch_at_once(portal: FakePortal, make_client: MakeClient) -> None:
    client = make_client(batch_seconds=30, batch_rows=10)
    send(client, 10)
    wait_until(lambda: len(portal.rows) == 10, 3)


def test_it_waits_as_long_as_retry_after_says(portal: FakePortal, client: Client) -> None:
    replies = [(503, {"Retry-After": "1"}, {})]
    portal.reply = lambda _rows: replies.pop() if replies else None
    send(client, 5)
    assert client.flush(5)
    first, second = (at for at, _, _ in portal.requests)
    assert 0.95 < second - first < 2
    assert numbers(portal) == list(range(5))
    assert client.stats()["retried"] == 1


def test_it_understands_retry_after_as_a_date(portal: FakePortal, client: Client) -> None:
    replies = [(429, {"Retry-After": formatdate(time.time() + 2, usegmt=True)}, {})]
    portal.reply = lambda _rows: replies.pop() if replies else None
    send(client, 1)
    assert client.flush(5)
    first, second = (at for at, _, _ in portal.requests)
    # A date has whole seconds.
    assert 0.9 < second - first < 2.5


def test_it_tries_again_with_growing_pauses(portal: FakePortal, make_client: MakeClient) -> None:
    client = make_client(longest_pause_seconds=0.2)
    replies = [(500, {}, {})] * 3
    portal.reply = lambda _rows: replies.pop() if replies else None
    send(client, 1)
    wait_until(lambda: client.stats()["sent"] == 1, 5)
    assert client.stats()["retried"] == 3


def test_it_survives_connections_closed_without_an_answer(
    portal: FakePortal, client: Client
) -> None:
    send(client, 3)
    assert client.flush(5)
    portal.stop()
    portal.start()
    send(client, 3, start=3)
    assert client.flush(5)
    assert numbers(portal) == list(range(6))
    # The kept connection was found dead: that is no outage.
    assert client.stats()["retried"] == 0


def test_it_delivers_all_when_a_dead_portal_comes_back(portal: FakePortal, client: Client) -> None:
    portal.stop()
    send(client, 2000)
    assert not client.flush(0.3)
    portal.start()
    assert client.flush(5)
    assert numbers(portal) == list(range(2000))


def test_it_stores_a_batch_once_when_its_answer_was_lost(
    portal: FakePortal, client: Client
) -> None:
    portal.hang()
    send(client, 50)
    wait_until(lambda: len(portal.requests) >= 2)
    portal.resume()
    assert client.flush(5)
    assert numbers(portal) == list(range(50))
    assert len({row["event_id"] for row in portal.rows}) == 50


def test_it_sends_no_event_ids_when_told_so(portal: FakePortal, make_client: MakeClient) -> None:
    client = make_client(event_ids=False)
    send(client, 2)
    assert client.flush(5)
    assert all("event_id" not in row for row in portal.rows)


def test_it_drops_the_oldest_and_reports_how_many(
    portal: FakePortal, make_client: MakeClient
) -> None:
    client = make_client(max_queued=100, batch_rows=10)
    portal.stop()
    send(client, 500)
    portal.start()
    assert client.flush(5)
    assert client.stats()["sent"] + client.stats()["dropped"] == 500
    assert numbers(portal)[-100:] == list(range(400, 500))
    wait_until(lambda: portal.drops == client.stats()["dropped"])
    assert portal.drops == 500 - len(portal.rows) > 380


def test_it_gives_up_rows_that_are_too_old(portal: FakePortal, make_client: MakeClient) -> None:
    client = make_client(give_up_seconds=0.5)
    portal.stop()
    send(client, 20)
    wait_until(lambda: client.stats()["dropped"] == 20)
    portal.start()
    wait_until(lambda: portal.drops == 20)
    assert client.stats()["queued"] == 0


def test_requests_that_are_too_old_are_given_up_too(
    portal: FakePortal, make_client: MakeClient
) -> None:
    client = make_client(give_up_seconds=5)
    for age in (0, 0, 9):
        call = Call("work", "ai_query", None, "/a", "GET")
        call.status, call.ended = 200, time.perf_counter() - age
        client.add(call)
        assert client.flush(5)
    assert (client.stats()["sent"], client.stats()["dropped"]) == (2, 1)


def test_a_fault_of_its_own_is_counted_and_does_not_spin(
    portal: FakePortal,
    make_client: MakeClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults: list[float] = []

    def fault() -> None:
        faults.append(time.perf_counter())
        raise RuntimeError("a fault")

    monkeypatch.setattr(exporter, "event_ids", fault)
    # A full batch is taken at once, and taken again.
    client = make_client(batch_rows=1, batch_seconds=0.05)
    send(client, 1)
    wait_until(lambda: len(faults) == 3)
    assert faults[2] - faults[0] > 0.09
    monkeypatch.undo()
    assert client.flush(5)
    assert len(portal.rows) == 1
    assert caplog.text.count("a fault of the SDK") == 1


def test_it_counts_refused_rows_and_logs_each_reason_once(
    portal: FakePortal, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse_the_first(rows: list[dict[str, object]]) -> tuple[int, dict[str, str], object]:
        rejection = {"index": 0, "field": "client", "problem": "Unknown client.", "fix": "None."}
        return 207, {}, {"stored": len(rows) - 1, "rejected": 1, "rejections": [rejection]}

    portal.reply = refuse_the_first
    for start in (0, 10):
        send(client, 10, start)
        assert client.flush(5)
    stats = client.stats()
    assert stats["sent"] + stats["rejected"] == 20
    assert stats["rejected"] == len(portal.requests)
    assert len([r for r in caplog.records if "Unknown client" in r.message]) == 1


def test_it_counts_a_batch_that_is_refused_as_a_whole(portal: FakePortal, client: Client) -> None:
    portal.reply = lambda _rows: (400, {}, {"error": {"field": "(body)", "problem": "No."}})
    send(client, 7)
    assert client.flush(5)
    assert client.stats()["rejected"] == 7


def test_it_halves_a_batch_that_is_too_large(portal: FakePortal, client: Client) -> None:
    portal.reply = lambda rows: (413, {}, {}) if len(rows) > 30 else None
    send(client, 200)
    assert client.flush(5)
    assert numbers(portal) == list(range(200))


def test_it_keeps_rows_while_the_key_is_wrong(
    portal: FakePortal, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    portal.reply = lambda _rows: (401, {}, {})
    send(client, 5)
    wait_until(lambda: len(portal.requests) >= 2)
    portal.reply = lambda _rows: None
    assert client.flush(5)
    assert numbers(portal) == list(range(5))
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "API key" in errors[0].message


def test_it_stops_compressing_for_a_portal_that_cannot_read_it(
    portal: FakePortal, client: Client
) -> None:
    portal.reply = lambda _rows: (
        (415, {}, {}) if portal.requests[-1][1].get("Content-Encoding") else None
    )
    send(client, 5)
    assert client.flush(5)
    assert numbers(portal) == list(range(5))


def test_it_counts_exactly_with_many_threads(portal: FakePortal, make_client: MakeClient) -> None:
    client = make_client(max_queued=500, batch_rows=50)
    threads = [threading.Thread(target=send, args=(client, 2500, 2500 * n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(10)
    stats = client.stats()
    assert stats["sent"] == len(portal.rows)
    assert stats["sent"] + stats["dropped"] == 10_000
    wait_until(lambda: portal.drops == stats["dropped"])


def test_it_counts_what_is_left_when_it_is_closed(
    portal: FakePortal, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    portal.hang()
    send(client, 600)
    wait_until(lambda: bool(portal.requests))
    began = time.monotonic()
    client.close(0.3)
    assert time.monotonic() - began < 1
    send(client, 1)
    assert client.stats()["dropped"] == 601
    assert "600 rows could not be delivered" in caplog.text


def test_it_never_blocks_the_event_loop(portal: FakePortal, client: Client) -> None:
    async def longest_lag() -> float:
        longest = 0.0
        for n in range(150):
            send(client, 20, n * 20)
            began = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - began)
            await asyncio.sleep(0.005)
        return longest

    portal.hang()
    assert asyncio.run(longest_lag()) < 0.1
    portal.resume()
    assert client.flush(10)
    assert client.stats()["sent"] == 3000


def test_it_takes_a_row_in_microseconds_while_the_portal_hangs(
    portal: FakePortal, client: Client
) -> None:
    portal.hang()
    send(client, 100)
    wait_until(lambda: bool(portal.requests))
    spent = []
    for _ in range(10):
        began = time.perf_counter()
        send(client, 500)
        spent.append(time.perf_counter() - began)
    # The best of ten: a busy machine takes the processor away, a blocked add() always waits.
    assert min(spent) / 500 < 50e-6


@pytest.mark.parametrize(
    "options", [{"url": ""}, {"api_key": ""}, {"url": "portal"}, {"batch_rows": 0}]
)
def test_it_is_off_without_url_or_key(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, options: dict[str, str]
) -> None:
    client = make_client(**options)
    client.record("work", 1)
    client.rate("r", 5)
    assert client.flush(0)
    assert not client.enabled
    assert len(caplog.records) == 1
