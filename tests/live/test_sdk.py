"""The SDK against the real portal: gzip, event ids, rejects."""

import json
import logging

import pytest
from aiosmon_sdk import configure

from tests.live.portal import Portal

pytestmark = pytest.mark.live


def test_what_the_sdk_sends_is_stored_once(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    key = json.loads((portal.data / "data/run/bootstrap.json").read_text())["demo_api_key"]
    sender = configure(
        portal.url, key, "sdk-live", "cognitive_core", client="acme", make_default=False
    )
    with caplog.at_level(logging.WARNING, "aiosmon_sdk"):
        for number in range(1200):
            sender.record(
                "queue_size",
                number,
                unit="count",
                category="system_health",
                request_id=f"sdk-{number}",
            )
        sender.record("queue_size", 1, unit="ms", category="system_health")
        assert sender.flush(30)
    stored = portal.query(
        "SELECT count(*), count(DISTINCT event_id), count(DISTINCT request_id), sum(metric_value) "
        "FROM ai_performance_metrics m JOIN clients c ON c.id = m.client_id "
        "WHERE service_name = 'sdk-live' AND c.code = 'acme'"
    )[0]
    assert stored == (1200, 1200, 1200, sum(range(1200)))
    assert (sender.stats()["sent"], sender.stats()["rejected"]) == (1200, 1)
    assert "measured in count" in caplog.text
    sender.close()
