"""Which rows a promise counts, and what is kept of its verdicts."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client, User
from metrics import feedback
from slas import compliance, tasks
from slas.compliance import Finding
from slas.models import Verdict
from slas.objectives import Kind, Objective

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 12, 0, 42, tzinfo=UTC)
Make = Callable[..., Objective]
MakeRows = Callable[..., Any]


def _measured(objective: Objective, client: Client) -> int:
    found = compliance.measure(objective, NOW - objective.window, NOW, client_id=client.pk)
    return found[0].figures.total if found else 0


@pytest.mark.parametrize(
    ("age", "counted"),
    [(0, 1), (300, 1), (300.001, 0), (-0.001, 0)],
)
def test_the_window_includes_both_its_ends(
    acme: Client, make_rows: MakeRows, objective: Make, age: float, counted: int
) -> None:
    make_rows(acme, [100], timestamp=NOW - timedelta(seconds=age))
    assert _measured(objective(), acme) == counted


@pytest.mark.parametrize(
    ("owner", "include_synthetic", "counted"),
    [("acme", False, 0), ("acme", True, 1), ("platform", False, 1), ("platform", True, 1)],
)
def test_a_probes_row_counts_for_the_platform_but_not_for_a_customer(
    acme: Client,
    platform: Client,
    make_rows: MakeRows,
    objective: Make,
    owner: str,
    include_synthetic: bool,
    counted: int,
) -> None:
    client = {"acme": acme, "platform": platform}[owner]
    make_rows(client, [100], timestamp=NOW, synthetic=True)
    assert _measured(objective(include_synthetic=include_synthetic), client) == counted


@pytest.mark.parametrize(
    ("models", "counted"),
    [(["epic"], 1), (["rework", "epic"], 1), (["rework"], 0), (["epic_2"], 0), (None, 0)],
)
def test_a_models_promise_counts_the_rows_that_used_the_model(
    acme: Client, make_rows: MakeRows, objective: Make, models: list[str] | None, counted: int
) -> None:
    make_rows(acme, [100], timestamp=NOW, ml_models_used=models)
    assert _measured(objective(model="epic"), acme) == counted


@pytest.mark.parametrize(
    "other",
    [
        {"measurement_unit": "seconds"},
        {"component": "user_interface"},
        {"metric_name": "embedding_generation_time"},
        {"query_complexity": "complex"},
        {"query_complexity": None},
    ],
)
def test_it_leaves_out_rows_of_another_unit_component_metric_or_complexity(
    acme: Client, make_rows: MakeRows, objective: Make, other: dict[str, Any]
) -> None:
    make_rows(acme, [100, 200], timestamp=NOW)
    make_rows(acme, [100], timestamp=NOW, **other)
    assert _measured(objective(query_complexity="simple"), acme) == 2


def test_satisfaction_counts_rated_rows_of_any_metric_of_the_class(
    acme: Client, make_rows: MakeRows, objective: Make
) -> None:
    make_rows(acme, [100], timestamp=NOW)
    make_rows(acme, [100], timestamp=NOW, user_satisfaction_score=2.0)
    feedback = {"metric_name": "session_helpfulness", "measurement_unit": "score"}
    make_rows(acme, [5], timestamp=NOW, user_satisfaction_score=5.0, **feedback)
    promise = objective(Kind.SATISFACTION, metric_name="", query_complexity="simple")
    (found,) = compliance.measure(promise, NOW - promise.window, NOW)
    assert (found.figures.votes, found.figures.rating) == (2, 3.5)


def test_satisfaction_takes_no_other_components_ratings(
    acme: Client, make_rows: MakeRows, objective: Make
) -> None:
    make_rows(acme, [100], timestamp=NOW, user_satisfaction_score=4.0)
    elsewhere = {"component": "user_interface", "metric_name": "user_feedback_processing_time"}
    make_rows(acme, [100], timestamp=NOW, user_satisfaction_score=1.0, **elsewhere)
    promise = objective(Kind.SATISFACTION, metric_name="", query_complexity="simple")
    (found,) = compliance.measure(promise, NOW - promise.window, NOW)
    assert (found.figures.votes, found.figures.rating) == (1, 4.0)


def test_a_vote_on_an_answer_counts_for_the_promise_of_its_component_class_and_model(
    acme: Client, make_rows: MakeRows, objective: Make
) -> None:
    asked = {"component": "data_intelligence", "request_id": "r-1", "ml_models_used": ["m"]}
    make_rows(acme, [100], timestamp=NOW - timedelta(days=2), **asked)
    feedback.receive([feedback.Vote(acme.pk, "r-1", 2.0, NOW)], NOW)
    rated = {"component": "data_intelligence", "query_complexity": "simple", "model": "m"}
    promise = objective(Kind.SATISFACTION, metric_name="", **rated)
    (found,) = compliance.measure(promise, NOW - promise.window, NOW)
    assert (found.figures.votes, found.figures.rating) == (1, 2.0)
    for other in ({"component": "cognitive_core"}, {"model": "n"}, {"query_complexity": "complex"}):
        changed = dataclasses.replace(promise, **other)
        assert compliance.measure(changed, NOW - promise.window, NOW) == []


def test_it_judges_each_client_by_its_own_rows(
    acme: Client, globex: Client, make_rows: MakeRows, objective: Make
) -> None:
    make_rows(acme, [100] * 3, timestamp=NOW)
    make_rows(globex, [9000] * 3, timestamp=NOW)
    found = compliance.measure(objective(), NOW - timedelta(minutes=5), NOW)
    assert {f.client_id: f.status for f in found} == {acme.pk: "ok", globex.pk: "breach"}


def test_the_latest_value_is_the_one_with_the_latest_time(
    acme: Client, make_rows: MakeRows, objective: Make
) -> None:
    make_rows(acme, [7], timestamp=NOW)
    make_rows(acme, [9], timestamp=NOW - timedelta(seconds=1))
    (found,) = compliance.measure(objective(Kind.LIMIT), NOW - timedelta(minutes=5), NOW)
    assert (found.figures.latest, found.figures.largest) == (7, 9)


def test_it_counts_the_signed_in_people_behind_the_bad_rows(
    acme: Client, make_rows: MakeRows, make_user: Callable[..., User], objective: Make
) -> None:
    one, two, happy = make_user(), make_user(), make_user()
    make_rows(acme, [9000, 9500], timestamp=NOW, user_id=one.pk)
    make_rows(acme, [100], timestamp=NOW, user_id=two.pk, success=False)
    make_rows(acme, [100], timestamp=NOW, user_id=happy.pk)
    (found,) = compliance.measure(objective(), NOW - timedelta(minutes=5), NOW)
    assert found.figures.users == 2


def test_the_worst_requests_are_the_bad_ones_slowest_first(
    acme: Client, platform: Client, make_rows: MakeRows, objective: Make
) -> None:
    for number, value in enumerate([100, 5000, 9000, 7000]):
        make_rows(acme, [value], timestamp=NOW, request_id=f"r{number}")
    make_rows(acme, [50], timestamp=NOW, request_id="failed", success=False)
    (found,) = compliance.measure(objective(), NOW - timedelta(minutes=5), NOW)
    worst = compliance.worst_requests(found, platform.pk, limit=4)
    assert [row["request_id"] for row in worst] == ["r2", "r3", "r1", "failed"]


def _findings(objective: Objective, now: datetime) -> list[Finding]:
    return compliance.measure(objective, now - objective.window, now)


def test_one_verdict_a_minute_is_kept_and_the_latest_wins(
    acme: Client, make_rows: MakeRows, objective: Make
) -> None:
    make_rows(acme, [100], timestamp=NOW)
    compliance.record(_findings(objective(), NOW))
    make_rows(acme, [9000], timestamp=NOW + timedelta(seconds=5))
    compliance.record(_findings(objective(), NOW + timedelta(seconds=10)))
    verdict = Verdict.objects.get(client=acme)
    assert (verdict.status, verdict.total, verdict.good) == ("breach", 2, 1)
    assert verdict.window_end == NOW.replace(second=0)


def test_the_next_minute_has_its_own_verdict(
    acme: Client, make_rows: MakeRows, objective: Make
) -> None:
    make_rows(acme, [100], timestamp=NOW)
    for later in (0, 60):
        compliance.record(_findings(objective(), NOW + timedelta(seconds=later)))
    assert Verdict.objects.filter(client=acme).count() == 2


def test_a_verdict_without_a_rating_is_not_kept(
    acme: Client, make_rows: MakeRows, objective: Make
) -> None:
    make_rows(acme, [100], timestamp=NOW)
    assert compliance.record(_findings(objective(Kind.SATISFACTION), NOW)) == 0


def test_verdicts_past_their_retention_are_forgotten(acme: Client, settings: Any) -> None:
    settings.VERDICT_RETENTION_DAYS = 2
    for age in (47, 49):
        end = timezone.now() - timedelta(hours=age)
        numbers = {"total": 1, "good": 1, "actual": 1, "threshold": 1, "status": "ok"}
        Verdict.objects.create(
            client=acme, objective="tests", window_start=end, window_end=end, **numbers
        )
    assert tasks.forget_old_verdicts() == 1
    assert Verdict.objects.get().window_end > timezone.now() - timedelta(days=2)
