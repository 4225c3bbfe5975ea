"""The SDK against the real portal: gzip, event ids, rejects, ratings."""

import json
import logging

import pytest
from aiosmon_sdk import configure

from tests.live.portal import Portal, wait_for

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


def test_a_rating_joins_the_request_that_the_sdk_reported(portal: Portal) -> None:
    key = json.loads((portal.data / "data/run/bootstrap.json").read_text())["demo_api_key"]
    sender = configure(portal.url, key, "sdk-rated", "cognitive_core", make_default=False)
    # The rating comes first: it has to wait for its request.
    sender.rate("sdk-rated-1", "down", correction="It is 7.", client="acme")
    assert sender.flush(30)
    sender.record("conversational_query_response_time", 5, client="acme",
                  request_id="sdk-rated-1", complexity="simple", models=["ranker"])  # fmt: skip
    assert sender.flush(30)
    assert sender.stats()["votes_sent"] == 1

    def joined() -> list[tuple[object, ...]]:
        return portal.query(
            "SELECT f.rating, f.correction, f.component, f.query_complexity, f.model, "
            "m.user_satisfaction_score FROM feedback f JOIN ai_performance_metrics m "
            "ON m.request_id = f.request_id AND m.user_satisfaction_score IS NOT NULL "
            "WHERE f.request_id = 'sdk-rated-1'"
        )

    (row,) = wait_for("the rating to join its request", joined, 90)
    assert row == (1, "It is 7.", "cognitive_core", "simple", "ranker", 1)
    sender.close()
