"""Numbers in words."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from alerts.raising import passing, wording
from alerts.raising.wording import message
from slas.compliance import Finding
from slas.objectives import Kind, Promise

Make = Callable[..., Finding]


def test_a_limit_that_calls_were_given_up_at_says_so(finding: Make) -> None:
    found = finding(Kind.LIMIT, largest=30_000.0, threshold=30_000.0, aggregate="max", given_up=2)
    assert message(found, "Acme").endswith("2 calls were given up there, unanswered.")


@pytest.mark.parametrize(
    ("one", "other", "worse"),
    [
        ("low", "medium", "medium"),
        ("critical", "high", "critical"),
        ("high", "medium", "high"),
        ("low", "low", "low"),
    ],
)
def test_the_worse_of_two_severities(one: str, other: str, worse: str) -> None:
    assert wording.worse(one, other) == worse


@pytest.mark.parametrize(
    ("promise", "kind", "type_"),
    [
        (Promise.SLA, Kind.LATENCY, "sla_breach"),
        (Promise.SLA, Kind.AVAILABILITY, "sla_breach"),
        (Promise.SLA, Kind.SATISFACTION, "user_satisfaction"),
        (Promise.MODEL, Kind.LATENCY, "model_degradation"),
        (Promise.MODEL, Kind.SATISFACTION, "user_satisfaction"),
        (Promise.RESOURCE, Kind.LIMIT, "resource_limit"),
    ],
)
def test_the_type_follows_from_promise_and_kind(
    finding: Make, promise: Promise, kind: Kind, type_: str
) -> None:
    assert wording.alert_type(finding(kind, promise=promise).objective) == type_


def test_the_message_of_a_limit_has_value_limit_and_unit(finding: Make) -> None:
    found = finding(
        Kind.LIMIT,
        code="cognitive_core",
        name="max_memory_usage",
        metric_name="memory_usage",
        unit="mb",
        threshold=4096.0,
        total=3,
        mean=5120.4,
        aggregate="mean",
        window=timedelta(hours=2),
    )
    assert message(found, "Acme") == (
        "Cognitive core, max memory usage for Acme: memory_usage is 5,120 mb "
        "(mean over 2 h, 3 values); the limit is 4,096 mb."
    )


def test_the_message_of_ratings_has_mean_votes_and_target(finding: Make) -> None:
    found = finding(
        Kind.SATISFACTION, threshold=4.5, votes=12, rating=3.256, window=timedelta(days=1)
    )
    assert message(found, "Acme") == (
        "Simple queries, satisfaction for Acme: the mean rating over 1 d is 3.26 of 5 "
        "(12 ratings); promised is at least 4.5."
    )


def test_the_message_of_availability_counts_the_failed(finding: Make) -> None:
    found = finding(
        Kind.AVAILABILITY,
        good_within=6000.0,
        share=99.5,
        total=10,
        succeeded=8,
        good=7,
        window=timedelta(seconds=45),
    )
    assert message(found, "Acme") == (
        "Simple queries, availability for Acme: over 45 s 70.0 % (7 of 10) succeeded within "
        "6,000 ms; promised are 99.5 %. 2 failed or gave no answer."
    )


@pytest.mark.parametrize(
    "other",
    [
        {"kind": Kind.AVAILABILITY},
        {"promise": Promise.MODEL},
        {"code": "moderate_queries"},
        {"component": "user_interface"},
        {"metric_name": "embedding_generation_time"},
        {"model": "epic"},
    ],
)
def test_what_is_another_promise_has_another_fingerprint(
    finding: Make, other: dict[str, object]
) -> None:
    assert passing.fingerprint(finding(**other).objective, 1) != passing.fingerprint(
        finding().objective, 1
    )


def test_the_fingerprint_tells_clients_apart_and_outlives_new_numbers(finding: Make) -> None:
    mark = passing.fingerprint(finding().objective, 1)
    assert passing.fingerprint(finding().objective, 2) != mark
    assert passing.fingerprint(finding(threshold=1.0, share=50.0).objective, 1) == mark
