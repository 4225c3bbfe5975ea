"""Each part is really stopped: /readyz and the front page say so within 30 s, an alert too."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from alerts.raising.evaluation import LOCK
from tests.live.portal import Portal, wait_for

pytestmark = pytest.mark.live
SECONDS = 30.0


@contextmanager
def stopped(portal: Portal, service: str) -> Iterator[None]:
    """The process and its children stand still; killed ones the supervisor would replace."""
    parent = psutil.Process(int(portal.state["pids"][service]))
    processes = [parent, *parent.children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)


@contextmanager
def evaluation_hangs(portal: Portal) -> Iterator[None]:
    """Somebody holds what a pass needs: beat and workers go on, no pass completes."""
    with psycopg.connect(portal.state["database_url"], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield


def silent(portal: Portal) -> set[str]:
    """The parts that /readyz calls stopped."""
    answer = httpx.get(f"{portal.url}/readyz", timeout=5)
    return {name for name, text in answer.json()["checks"].items() if text != "ok"}


def within(what: str, condition: Callable[[], Any], began: float) -> None:
    wait_for(what, condition, SECONDS - (time.monotonic() - began))


def self_alerts(portal: Portal, status: str) -> set[str]:
    """The parts that have an alert of this status."""
    rows = portal.query(
        "SELECT split_part(objective, ':', 2) FROM ai_performance_alerts "
        "WHERE alert_type = 'self' AND status = %s",
        status,
    )
    return {part for (part,) in rows}


def test_what_stops_is_named_within_30_seconds_and_alone(portal: Portal) -> None:
    wait_for("all parts to work", portal.ready)
    with (
        closing(portal.sign_in()) as browser,
        stopped(portal, "probes"),
        evaluation_hangs(portal),
    ):
        began = time.monotonic()
        both = {"probes", "evaluation"}
        within("/readyz to name both", lambda: silent(portal) == both, began)
        within(
            "the front page to name both",
            lambda: "Probe worker, Evaluation" in browser.get("/admin/").text,
            began,
        )
    wait_for("all parts to work again", portal.ready)


def test_a_stopped_beat_is_named_and_alerted_by_the_web_server(portal: Portal) -> None:
    wait_for("all parts to work", portal.ready)
    with stopped(portal, "beat"):
        began = time.monotonic()
        within("/readyz to name beat", lambda: "beat" in silent(portal), began)
        # The web server looks every 5 s, a minute after its start at the earliest.
        wait_for("the alert about beat", lambda: "beat" in self_alerts(portal, "firing"), 90)
    wait_for("all parts to work again", portal.ready)
    wait_for("its end", lambda: not self_alerts(portal, "firing"), 30)
    assert "beat" in self_alerts(portal, "resolved")


def test_a_stopped_worker_is_told_from_a_stopped_beat(portal: Portal) -> None:
    wait_for("all parts to work", portal.ready)
    with stopped(portal, "worker"):
        began = time.monotonic()
        named = {"worker", "evaluation"}
        within("/readyz to name the worker", lambda: silent(portal) == named, began)
    wait_for("all parts to work again", portal.ready)


def test_the_portals_own_figures_are_metric_rows(portal: Portal) -> None:
    def measured() -> list[tuple[Any, ...]]:
        return portal.query(
            "SELECT metric_value FROM ai_performance_metrics "
            "WHERE metric_name = 'dashboard_refresh_time' AND synthetic"
        )

    wait_for("a row of the front page's refresh", measured)
    assert all(0 <= value <= 20 for (value,) in measured())
