"""What an alert keeps: its numbers, what went on around, and the queries that give the rows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from accounts import keys
from accounts.models import ApiKey, Client, User
from alerts.models import Alert
from alerts.raising import context, evaluation
from metrics import rollups
from metrics.models import Deployment, PerformanceBaseline
from slas import versions
from slas.models import Exclusion, Sla
from tests.alerts.rows import later

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]
KEY = "sla:simple_queries:latency"


def raised(objective: str = KEY) -> Any:
    return Alert.objects.get(objective=objective).evidence


def read(url: str) -> list[dict[str, Any]]:
    """All rows behind an address of the API, page by page."""
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    rows: list[dict[str, Any]] = []
    while url:
        answer = Browser().get(url, headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 200, answer.content
        rows += answer.json()["results"]
        url = answer.json()["next"]
    return rows


def test_the_queries_answer_with_the_very_rows(
    acme: Client, globex: Client, make_rows: MakeRows, now: datetime
) -> None:
    start = later(now, -300).replace(second=0, microsecond=0)
    make_rows(acme, [4000.0] * 5, timestamp=now)  # the window holds its end
    make_rows(acme, [9000.0], timestamp=start)  # and its start
    make_rows(acme, [9000.0], timestamp=start - timedelta(microseconds=1))
    make_rows(acme, [9000.0], timestamp=now + timedelta(microseconds=1))
    make_rows(acme, [200.0], timestamp=now, success=False)
    make_rows(acme, [3000.0], timestamp=now)
    make_rows(acme, [9000.0], timestamp=now, synthetic=True)
    make_rows(acme, [9000.0], timestamp=now, query_complexity="complex")
    make_rows(globex, [9000.0], timestamp=now)
    evaluation.evaluate(now)
    evidence = raised()
    counts, queries = evidence["counts"], evidence["queries"]
    assert (counts["total"], counts["good"], counts["bad"]) == (8, 1, 7)
    assert len(read(queries["rows"])) == 8
    assert [row["metric_value"] for row in read(queries["failed"])] == [200.0]
    assert sorted(row["metric_value"] for row in read(queries["slow"])) == [4000.0] * 5 + [9000.0]


@pytest.mark.parametrize(
    ("objective", "rows", "count"),
    [
        ("sla:simple_queries:satisfaction", {"user_satisfaction_score": 2.0}, 10),
        (
            "model:rework_risk_assessment:inference_time",
            {
                "metric_name": "ml_prediction_inference_time",
                "ml_models_used": ["other", "rework_risk_assessment"],
            },
            9,
        ),
        (
            "limit:cognitive_core:max_queue_size",
            {"metric_name": "queue_size", "measurement_unit": "count"},
            4,
        ),
    ],
)
def test_every_kind_of_promise_has_such_queries(
    acme: Client,
    make_rows: MakeRows,
    now: datetime,
    objective: str,
    rows: dict[str, Any],
    count: int,
) -> None:
    make_rows(acme, [900.0] * count, timestamp=now, **rows)
    make_rows(acme, [1.0] * 3, timestamp=now, metric_name="something_else")
    evaluation.evaluate(now)
    queries = raised(objective)["queries"]
    assert len(read(queries["rows"])) == count
    assert len(read(queries.get("bad") or queries["slow"])) == count


def test_the_series_covers_the_window(acme: Client, make_rows: MakeRows, now: datetime) -> None:
    make_rows(acme, [4000.0] * 5, timestamp=now)
    rollups.roll_up_all()
    evaluation.evaluate(now)
    (point,) = read(raised()["queries"]["series"])
    assert (point["count"], point["max"]) == (5, 4000.0)


def test_it_names_the_version_and_holds_the_figures_against_the_baseline(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    Sla.objects.filter(code="simple_queries").update(target_response_time=2500)
    versions.sync(now - timedelta(hours=1))
    common = {
        "metric_name": "conversational_query_response_time",
        "metric_category": "ai_query",
        "measurement_unit": "ms",
        "component": "cognitive_core",
    }
    PerformanceBaseline.objects.all().delete()
    for value, more in (
        (9.0, {"test_conditions": {"query_complexity": "complex"}}),
        (8.0, {"active": False}),
        (700.0, {"test_conditions": {"query_complexity": "simple"}}),
    ):
        PerformanceBaseline.objects.create(baseline_value=value, **common, **more)
    make_rows(acme, [float(n) for n in range(1000, 6000, 500)], timestamp=now)
    evaluation.evaluate(now)
    evidence = raised()
    assert (evidence["rule"]["threshold"], evidence["rule"]["version"]) == (2500, 1)
    assert evidence["baseline"]["value"] == 700.0
    assert (evidence["values"]["p50"], evidence["values"]["p95"]) == (3250.0, pytest.approx(5275.0))


def test_it_names_users_by_how_much_they_were_hit_but_no_other_client(
    acme: Client,
    globex: Client,
    make_rows: MakeRows,
    make_user: Callable[..., User],
    now: datetime,
) -> None:
    ann, bob, joe = (make_user().pk for _ in range(3))
    make_rows(acme, [4000.0] * 2, timestamp=now, user_id=ann)
    make_rows(acme, [4000.0] * 7, timestamp=now, user_id=bob)
    make_rows(acme, [100.0] * 3, timestamp=now, user_id=joe)
    make_rows(globex, [4000.0] * 9, timestamp=now)
    evaluation.evaluate(now)
    alert = Alert.objects.get(client=acme)
    affected = alert.evidence["affected"]
    assert affected["users"] == [{"user_id": bob, "bad": 7}, {"user_id": ann, "bad": 2}]
    assert (affected["clients"], alert.impact["users"]) == (2, 2)
    assert "globex" not in str(alert.evidence).lower()


def test_it_tells_what_went_on_around_the_breach(
    acme: Client,
    globex: Client,
    make_rows: MakeRows,
    make_alert: Callable[..., Alert],
    make_user: Callable[..., User],
    now: datetime,
) -> None:
    for minutes, version, client in ((10, "v2", None), (90, "v1", None), (10, "x", globex)):
        Deployment.objects.create(
            component="cognitive_core",
            service_name="assistant",
            version=version,
            deployed_at=now - timedelta(minutes=minutes),
            client=client,
        )
    other = make_alert()
    Alert.objects.filter(pk=other.pk).update(created_at=now - timedelta(minutes=5))
    exclusion = Exclusion.objects.create(
        client=acme,
        starts_at=now.replace(second=0, microsecond=0) - timedelta(minutes=30),
        ends_at=now.replace(second=0, microsecond=0) - timedelta(minutes=10),
        category="maintenance",
        reason="Move",
        status="approved",
        requested_by=make_user(),
        decided_by=make_user(),
        decided_at=now,
    )
    make_rows(acme, [4000.0] * 5, timestamp=now)
    evaluation.evaluate(now)
    near = Alert.objects.exclude(pk=other.pk).get().evidence["concurrent"]
    assert [one["version"] for one in near["deployments"]] == ["v2"]
    assert [one["id"] for one in near["alerts"]] == [other.pk]
    assert {one["id"] for one in near["exclusions"]} == {exclusion.pk}


def test_it_is_gathered_again_at_most_once_a_minute(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    totals, asked = [], []
    for seconds in (0, 30, 61):
        make_rows(acme, [4000.0] * 5, timestamp=later(now, seconds))
        with CaptureQueriesContext(connection) as queries:
            evaluation.evaluate(later(now, seconds))
        totals.append(raised()["counts"]["total"])
        asked.append(len(queries))
    assert totals == [5, 5, 15]
    # What gathering costs, over a pass that grades alone.
    assert 5 < asked[2] - asked[1] <= 25


def test_a_graver_breach_is_gathered_at_once(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [4000.0] + [100.0] * 9, timestamp=now)
    evaluation.evaluate(now)
    make_rows(acme, [4000.0] * 9, timestamp=later(now, 5))
    evaluation.evaluate(later(now, 5))
    alert = Alert.objects.get()
    assert (alert.severity, alert.evidence["counts"]["bad"]) == ("critical", 10)
    assert alert.severity_reason == alert.evidence["severity_reason"]
    assert alert.evidence["graded"]["value"] == pytest.approx(20 * 10 / 19)


def test_an_alert_opens_even_if_its_evidence_cant_be_gathered(
    acme: Client, make_rows: MakeRows, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    make_rows(acme, [4000.0] * 5, timestamp=now)
    with monkeypatch.context() as broken:
        broken.setattr(context, "baseline", fail)
        evaluation.evaluate(now)
    alert = Alert.objects.get()
    assert (alert.severity, alert.evidence["kind"]) == ("critical", "latency")
    assert (alert.business_impact or "").startswith("5 of 5 requests of Acme")
    assert "check the database first" in (alert.recommended_action or "")
    evaluation.evaluate(later(now, 5))
    assert raised()["counts"]["bad"] == 5
