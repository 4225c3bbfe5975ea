"""Numbers in words."""

import math
from collections.abc import Callable
from datetime import timedelta

import pytest

from alerts.raising import evaluation, wording
from alerts.raising.wording import IMPACT_LENGTH, advice, impact, message, severity
from slas.compliance import Finding
from slas.objectives import Kind, Promise

Make = Callable[..., Finding]


@pytest.mark.parametrize(
    ("good", "total", "grade"),
    [
        (94, 100, "low"),  # 1.2 times the allowed 5 %
        (91, 100, "low"),
        (90, 100, "medium"),  # 2
        (76, 100, "medium"),
        (75, 100, "high"),  # 5
        (51, 100, "high"),
        (50, 100, "critical"),  # 10
        (0, 100, "critical"),
    ],
)
@pytest.mark.parametrize("kind", [Kind.LATENCY, Kind.AVAILABILITY])
def test_severity_follows_the_burn_rate(
    finding: Make, kind: Kind, good: int, total: int, grade: str
) -> None:
    found = finding(kind, total=total, succeeded=good, good=good, percentile=1.0)
    assert severity(found).severity == grade


@pytest.mark.parametrize(
    ("mean", "grade"),
    [
        (101, "low"),
        (119, "low"),
        (120, "medium"),
        (149, "medium"),
        (150, "high"),
        (199, "high"),
        (200, "critical"),
    ],
)
def test_severity_follows_the_excess_over_a_limit(finding: Make, mean: float, grade: str) -> None:
    assert severity(finding(Kind.LIMIT, mean=mean, threshold=100.0)).severity == grade


@pytest.mark.parametrize(
    ("rating", "grade"),
    [(4.25, "low"), (4.0, "medium"), (3.5, "high"), (3.0, "critical"), (1.0, "critical")],
)
def test_severity_follows_the_stars_missed(finding: Make, rating: float, grade: str) -> None:
    found = finding(Kind.SATISFACTION, votes=10, rating=rating, threshold=4.5)
    assert severity(found).severity == grade


def test_a_few_bad_events_against_a_hundred_percent_are_critical(finding: Make) -> None:
    graded = severity(finding(share=100.0, total=1000, succeeded=997, good=997))
    assert (graded.severity, graded.reason) == (
        "critical",
        f"bad events at {math.inf} times the allowed share",
    )


def test_a_limit_that_calls_were_given_up_at_says_so(finding: Make) -> None:
    found = finding(Kind.LIMIT, largest=30_000.0, threshold=30_000.0, aggregate="max", given_up=2)
    assert message(found, "Acme").endswith("2 calls were given up there, unanswered.")


@pytest.mark.parametrize(("bad", "level"), [(1, "medium"), (2, "medium"), (3, "critical")])
def test_one_or_two_bad_events_are_never_more_than_medium(
    finding: Make, bad: int, level: str
) -> None:
    graded = severity(finding(share=99.9, total=20, succeeded=20 - bad, good=20 - bad))
    assert graded.severity == level


def test_any_excess_over_a_limit_of_nothing_is_critical(finding: Make) -> None:
    assert severity(finding(Kind.LIMIT, mean=1.0, threshold=0.0)).severity == "critical"


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


@pytest.mark.parametrize("kind", Kind)
def test_the_impact_fits_its_column_whatever_the_names(finding: Make, kind: Kind) -> None:
    found = finding(
        kind,
        name="n" * 100,
        component="c" * 50,
        business_impact="b" * 255,
        votes=10**9,
        rating=1.0,
        mean=1.0,
    )
    text = impact(found, "ü" * 200)
    assert len(text) == IMPACT_LENGTH
    assert text.endswith("…")


def test_an_impact_that_fits_is_left_whole(finding: Make) -> None:
    found = finding(total=9, succeeded=9, good=7, business_impact="People wait.")
    assert impact(found, "Acme") == "2 of 9 requests of Acme missed the promise. People wait."


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


def test_the_promises_own_advice_comes_first(finding: Make) -> None:
    assert advice(finding(recommended_action="Call Ann.")) == "Call Ann."


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"kind": Kind.SATISFACTION}, "lowest-rated answers"),
        ({"kind": Kind.SATISFACTION, "model": "epic"}, "answers of epic"),
        ({"kind": Kind.LIMIT, "mean": 1.0}, "Find what drives"),
        ({"promise": Promise.MODEL, "model": "epic"}, "Compare epic's inference time"),
        ({"total": 10, "succeeded": 2, "good": 2}, "Most bad requests failed"),
        ({"total": 10, "succeeded": 10, "good": 2}, "slow rather than failing"),
        ({"total": 10, "succeeded": 8, "good": 2}, "slow rather than failing"),
    ],
)
def test_the_advice_fits_the_kind_of_breach(
    finding: Make, fields: dict[str, object], part: str
) -> None:
    assert part in advice(finding(**fields))


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
    assert evaluation.fingerprint(finding(**other).objective, 1) != evaluation.fingerprint(
        finding().objective, 1
    )


def test_the_fingerprint_tells_clients_apart_and_outlives_new_numbers(finding: Make) -> None:
    mark = evaluation.fingerprint(finding().objective, 1)
    assert evaluation.fingerprint(finding().objective, 2) != mark
    assert evaluation.fingerprint(finding(threshold=1.0, share=50.0).objective, 1) == mark
