"""From committed rows to alerts in one run."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as portal
from django.db import connection
from django.utils import timezone

from accounts.models import Client
from alerts.models import Alert
from alerts.raising import pipeline
from alerts.raising.passing import Pass
from metrics import nudge
from slas import evaluating, versions
from slas.models import SliMinute


@pytest.fixture(autouse=True)
def _no_mark() -> Iterator[None]:
    store = redis.Redis.from_url(portal.REDIS_URL)
    yield
    store.delete(nudge.WAITING, nudge.TOOK)


@pytest.mark.django_db
def test_one_run_leads_from_rows_to_an_alert(acme: Client, make_rows: Callable[..., Any]) -> None:
    make_rows(acme, [9000] * 20)
    done = pipeline.run()
    assert done is not None
    assert done.opened
    assert SliMinute.objects.filter(client=acme, total=20).exists()
    assert Alert.objects.filter(objective="sla:simple_queries:latency", client=acme).exists()


@pytest.mark.django_db
def test_an_alert_keeps_since_when_its_rows_waited(
    acme: Client, make_rows: Callable[..., Any]
) -> None:
    since = time.time()
    redis.Redis.from_url(portal.REDIS_URL).set(nudge.WAITING, since)
    make_rows(acme, [9000] * 20)
    pipeline.run()
    alert = Alert.objects.filter(client=acme).first()
    assert alert is not None
    assert alert.data_committed_at is not None
    assert alert.data_committed_at.timestamp() == pytest.approx(since, abs=1e-3)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_second_run_waits_for_the_first_and_gives_up_when_it_holds_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "WAIT_MS", 50)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with pipeline._alone() as alone:
            assert alone
            held.set()
            let_go.wait(10)
        connection.close()

    first = threading.Thread(target=hold)
    first.start()
    assert held.wait(10)
    assert pipeline.run(news_alone=True) is None
    let_go.set()
    first.join(10)
    assert pipeline.run(news_alone=True) is not None


@pytest.mark.django_db
def test_news_alone_leaves_what_did_not_change_to_the_next_whole_pass(
    acme: Client, globex: Client, make_rows: Callable[..., Any]
) -> None:
    versions.sync(timezone.now())
    make_rows(globex, [9000] * 20)
    evaluating.refresh(timezone.now())
    make_rows(acme, [9000] * 20)
    assert pipeline.run(news_alone=True) is not None
    assert {alert.client for alert in Alert.objects.all()} == {acme}
    assert pipeline.run(news_alone=True) == Pass()
    pipeline.run()
    assert {alert.client for alert in Alert.objects.all()} == {acme, globex}
