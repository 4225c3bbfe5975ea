"""Ratings on their way to the portal; the portal's own decoder is the judge of their form."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiosmon_sdk
import msgspec
import pytest
from aiosmon_sdk import Client
from aiosmon_sdk.options import Options
from aiosmon_sdk.rows import Unfit
from aiosmon_sdk.votes import Vote, VoteEncoder
from hypothesis import given
from hypothesis import strategies as st

from metrics.ingest.feedback import SentVote
from tests.sdk.portal import VOTES_PATH, FakePortal, wait_until

MakeClient = Callable[..., Client]
NOTHING = dict.fromkeys(("correction", "comment", "client", "user_id", "submitted_at"))
OPTIONS = Options(url="http://portal", api_key="key", service_name="tests")


def decoded(request_id: Any, rating: Any, **fields: Any) -> tuple[SentVote, int]:
    """The vote as the portal reads it, and how many fields were clipped."""
    encoder = VoteEncoder(OPTIONS)
    text = encoder.encode(Vote(request_id, rating, {**NOTHING, **fields}), None)
    return msgspec.json.decode(text, type=SentVote), encoder.clipped


def refuse_all(_votes: list[dict[str, Any]]) -> tuple[int, dict[str, str], Any]:
    return 404, {}, {}


def test_a_vote_arrives_with_all_that_was_said(portal: FakePortal, client: Client) -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    client.rate(
        "r1", 4.5, correction="It is 7.", comment="ä", client="acme", user_id=7, submitted_at=at
    )
    assert client.flush(5)
    (vote,) = portal.votes
    assert vote.pop("event_id")
    assert vote == {
        "request_id": "r1", "rating": 4.5, "correction": "It is 7.", "comment": "ä",
        "client": "acme", "user_id": 7, "submitted_at": at.isoformat(),
    }  # fmt: skip
    assert portal.paths == [VOTES_PATH]
    assert client.stats()["votes_sent"] == 1


def test_a_thumb_is_sent_as_a_thumb(portal: FakePortal, as_default: Client) -> None:
    aiosmon_sdk.rate("r1", "up")
    aiosmon_sdk.rate("r2", "down")
    assert aiosmon_sdk.flush(5)
    assert [(v["request_id"], v["thumbs"]) for v in portal.votes] == [("r1", "up"), ("r2", "down")]


def test_its_time_is_when_it_was_given(portal: FakePortal, client: Client) -> None:
    portal.stop()
    client.rate("r1", 5)
    given_at = datetime.now(UTC)
    wait_until(lambda: client.stats()["votes_retried"] > 1)
    portal.start()
    assert client.flush(5)
    sent = datetime.fromisoformat(portal.votes[0]["submitted_at"])
    assert abs(sent - given_at) < timedelta(seconds=0.2)


def test_votes_outlive_an_outage_and_are_stored_once(portal: FakePortal, client: Client) -> None:
    portal.hang()
    for number in range(40):
        client.rate(f"r{number}", 3)
    wait_until(lambda: client.stats()["votes_retried"] > 0)
    portal.resume()
    assert client.flush(5)
    assert sorted(v["request_id"] for v in portal.votes) == sorted(f"r{n}" for n in range(40))
    # More requests than batches: some were taken twice, and hold the same event ids.
    assert client.stats()["votes_sent"] == 40


@pytest.mark.parametrize(
    ("request_id", "rating"),
    [
        *(("r", rating) for rating in (0, 5.1, float("nan"), True, "sideways", None)),
        *((request_id, 4) for request_id in ("", None, "r" * 101)),
    ],
)
def test_a_vote_that_is_none_is_given_up(request_id: Any, rating: Any) -> None:
    with pytest.raises(Unfit):
        decoded(request_id, rating)


def test_lost_votes_are_counted_and_reported_as_a_metric(
    portal: FakePortal, make_client: MakeClient
) -> None:
    client = make_client(max_queued=10, batch_seconds=0.2)
    for number in range(15):
        client.rate(f"r{number}", 5)
    client.rate("r", 9)
    assert client.flush(5)
    assert client.stats()["votes_dropped"] == 7
    wait_until(lambda: sum(row["metric_value"] for row in portal.rows) == 7)
    assert {row["metric_name"] for row in portal.rows} == {"sdk_votes_dropped"}
    assert len(portal.votes) == 9


@pytest.mark.parametrize(
    ("fields", "attribute", "expected"),
    [
        ({"correction": "x" * 10_001}, "correction", "x" * 10_000),
        ({"comment": "a\0\ud800"}, "comment", "a?"),
        ({"client": "c" * 51}, "client", None),
        ({"user_id": 0}, "user_id", None),
    ],
)
def test_it_mends_what_the_portal_would_refuse(
    fields: dict[str, Any], attribute: str, expected: object
) -> None:
    vote, clipped = decoded("r", 4, **fields)
    assert getattr(vote, attribute) == expected
    assert clipped == 1


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()


@given(anything | st.text(max_size=120), anything | st.floats(1, 5), anything, anything, anything)
def test_any_vote_is_taken_by_the_portal_or_given_up(
    request_id: Any, rating: Any, correction: Any, client: Any, user: Any
) -> None:
    fields = {"correction": correction, "comment": correction, "client": client, "user_id": user}
    try:
        vote, _ = decoded(request_id, rating, **fields)
    except Unfit:
        return
    assert vote.request_id
    assert (vote.rating is None) != (vote.thumbs is None)


def test_a_portal_without_feedback_holds_up_no_row(portal: FakePortal, client: Client) -> None:
    portal.reply = lambda items: None if "metric_name" in items[0] else refuse_all(items)
    client.rate("r1", 5)
    wait_until(lambda: VOTES_PATH in portal.paths)
    client.record("work", 1)
    assert not client.flush(1)
    assert [row["metric_value"] for row in portal.rows] == [1]
    assert client.stats()["votes_queued"] == 1


def test_refused_votes_are_counted_and_told_once(
    portal: FakePortal, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    item = {"index": 0, "field": "client", "problem": "Unknown client.", "fix": "Leave it out."}
    portal.reply = lambda _items: (400, {}, {"stored": 0, "rejected": 1, "rejections": [item]})
    for number in range(3):
        client.rate(f"r{number}", 5)
        assert client.flush(5)
    told = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert told == ["the portal refused votes (HTTP 400): client: Unknown client. Leave it out."]
    assert client.stats()["votes_rejected"] == 3
