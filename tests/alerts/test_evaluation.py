"""Stored rows → alerts, end to end."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.models import Client, User
from alerts.models import Alert, AlertEvent
from alerts.raising import evaluation
from alerts.triage import lifecycle
from metrics.models import PerformanceMetric
from slas.models import Sla, Verdict
from tests.alerts.rows import INFERENCE, QUEUE, later

pytestmark = pytest.mark.django_db
MakeRows = Callable[..., Any]


def test_a_breach_opens_one_alert_with_its_numbers(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [4000] * 8 + [100] * 2, timestamp=now)
    done = evaluation.evaluate(now)
    assert done is not None
    assert (done.opened, done.updated, done.resolved) == (1, 0, 0)
    alert = Alert.objects.get()
    assert (alert.alert_type, alert.status) == ("sla_breach", "firing")
    assert (alert.component, alert.client) == ("cognitive_core", acme)
    assert alert.objective == "sla:simple_queries:latency"
    assert (alert.threshold_value, alert.actual_value, alert.unit) == (3000, 4000, "ms")
    assert (alert.severity, alert.breaches, alert.last_breach_at) == ("critical", 1, now)


def test_rows_whose_clock_is_ahead_open_an_alert_too(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    early = now.replace(second=10, microsecond=0)
    make_rows(acme, [4000] * 10, timestamp=later(early, 20))
    done = evaluation.evaluate(early)
    assert done is not None
    assert done.opened == 1
    assert Alert.objects.get().actual_value == 3000


def test_its_words_are_filled_from_the_numbers(
    acme: Client, make_rows: MakeRows, now: datetime, make_user: Callable[..., User]
) -> None:
    make_rows(acme, [4000] * 8 + [100] * 2, timestamp=now, user_id=make_user().pk)
    evaluation.evaluate(now)
    alert = Alert.objects.get()
    assert alert.alert_message == (
        "Simple queries, latency for Acme Manufacturing: over 5 min 20.0 % (2 of 10) succeeded "
        "within 3,000 ms; promised are 95 %. The 95th percentile is 4,000 ms. Rule fast: the burn "
        "rate is 16 over 5 min, its threshold 1 (8 bad of 10)."
    )
    impact = Sla.objects.get(code="simple_queries").business_impact
    assert alert.business_impact == (
        "8 of 10 requests of Acme Manufacturing missed the promise (1 signed-in users). " + impact
    )
    assert "check the database first" in (alert.recommended_action or "")


def test_the_evidence_leads_back_to_the_very_rows(
    acme: Client, globex: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [4000] * 5 + [100] * 2, timestamp=now, request_id="slow")
    make_rows(acme, [200], timestamp=now, success=False)
    make_rows(acme, [9000], timestamp=later(now, -420))
    make_rows(globex, [100] * 7, timestamp=now)
    evaluation.evaluate(now)
    evidence = Alert.objects.get(objective="sla:simple_queries:latency").evidence
    span, selection = evidence["window"], dict(evidence["selection"])
    selection = {name: value for name, value in selection.items() if value}
    rows = PerformanceMetric.objects.filter(
        timestamp__gte=span["start"], timestamp__lte=span["end"], **selection
    )
    good = rows.filter(success=True, metric_value__lte=evidence["rule"]["good_within"])
    counts = evidence["counts"]
    assert (counts["total"], counts["good"]) == (rows.count(), good.count()) == (8, 2)
    assert counts["succeeded"] == rows.filter(success=True).count() == 7
    assert [row["value"] for row in evidence["worst"]] == [4000] * 5
    assert {row["request_id"] for row in evidence["worst"]} == {"slow"}


@pytest.mark.parametrize(
    ("rows", "count", "alert_type", "objective", "numbers"),
    [
        ({}, (4000.0, 5), "sla_breach", "sla:simple_queries:latency", (3000, 4000, "ms")),
        (
            {"success": False},
            (10.0, 5),
            "sla_breach",
            "sla:simple_queries:availability",
            (99.5, 0, "percent"),
        ),
        (
            {**INFERENCE, "ml_models_used": ["rework_risk_assessment"]},
            (900.0, 5),
            "model_degradation",
            "model:rework_risk_assessment:inference_time",
            (300, 900, "ms"),
        ),
        (
            {"user_satisfaction_score": 2.0},
            (10.0, 10),
            "user_satisfaction",
            "sla:simple_queries:satisfaction",
            (4.5, 2, "score"),
        ),
        (QUEUE, (150.0, 1), "resource_limit", "limit:cognitive_core:max_queue_size", None),
    ],
)
def test_each_kind_of_promise_opens_its_type_of_alert(
    acme: Client,
    make_rows: MakeRows,
    now: datetime,
    rows: dict[str, Any],
    count: tuple[float, int],
    alert_type: str,
    objective: str,
    numbers: tuple[float, float, str] | None,
) -> None:
    make_rows(acme, [count[0]] * count[1], timestamp=now, **rows)
    evaluation.evaluate(now)
    alert = Alert.objects.get(objective=objective)
    assert alert.alert_type == alert_type
    measured = (alert.threshold_value, alert.actual_value, alert.unit)
    assert measured == (numbers or (100, 150, "count"))


def test_a_models_alert_names_the_model(acme: Client, make_rows: MakeRows, now: datetime) -> None:
    model = "rework_risk_assessment"
    make_rows(acme, [900] * 5, timestamp=now, **INFERENCE, ml_models_used=[model])
    evaluation.evaluate(now)
    assert Alert.objects.get().model == model


def test_two_models_and_two_clients_have_an_alert_each(
    acme: Client, globex: Client, make_rows: MakeRows, now: datetime
) -> None:
    for client in (acme, globex):
        for model in ("rework_risk_assessment", "epic_trajectory_prediction"):
            make_rows(client, [900] * 5, timestamp=now, **INFERENCE, ml_models_used=[model])
    evaluation.evaluate(now)
    assert Alert.objects.values("client", "model", "fingerprint").distinct().count() == 4


def test_a_second_pass_updates_the_alert_and_opens_none(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    make_rows(acme, [5000] * 50, timestamp=later(now, 5))
    done = evaluation.evaluate(later(now, 5))
    assert done is not None
    assert (done.opened, done.updated) == (0, 1)
    alert = Alert.objects.get()
    assert (alert.breaches, alert.actual_value) == (2, 5000)
    assert (alert.last_breach_at, alert.version) == (later(now, 5), 1)
    assert "0.0 % (0 of 55) succeeded" in alert.alert_message


def test_a_breach_leaves_an_acknowledged_alert_acknowledged(
    acme: Client, make_rows: MakeRows, make_user: Callable[..., User], now: datetime
) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    lifecycle.acknowledge(Alert.objects.get().pk, acting_user=make_user(), version=1)
    evaluation.evaluate(later(now, 5))
    alert = Alert.objects.get()
    assert (alert.status, alert.version, alert.breaches) == ("acknowledged", 2, 2)


def test_recovery_resolves_the_alert_in_the_portals_name(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    make_rows(acme, [250] * 5, timestamp=later(now, 420))
    done = evaluation.evaluate(later(now, 420))
    assert done is not None
    assert done.resolved == 1
    alert = Alert.objects.get()
    assert (alert.status, alert.resolved, alert.resolved_by) == ("resolved", True, None)
    event = alert.events.get(kind=AlertEvent.Kind.RESOLVED)
    assert (event.actor, event.from_status, event.to_status) == (None, "firing", "resolved")
    assert event.note == (
        "Kept again for Acme Manufacturing: 5 of 5 good over 5 min, a burn rate of 0."
    )


def test_after_a_recovery_the_next_breach_opens_without_grace(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    for second, values in enumerate([[4000] * 5, [100] * 200, [4000] * 200]):
        make_rows(acme, values, timestamp=later(now, second))
        evaluation.evaluate(later(now, second))
    alert = Alert.objects.get()
    assert (alert.status, alert.reopened, alert.breaches) == ("firing", 1, 2)


@pytest.mark.parametrize("values", [[], [250.0] * 4])
def test_too_little_data_ends_nothing(
    acme: Client, make_rows: MakeRows, now: datetime, values: list[float]
) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    make_rows(acme, values, timestamp=later(now, 420))
    evaluation.evaluate(later(now, 420))
    assert Alert.objects.get().status == "firing"


def test_too_little_data_opens_nothing(acme: Client, make_rows: MakeRows, now: datetime) -> None:
    make_rows(acme, [9000] * 4, timestamp=now)
    evaluation.evaluate(now)
    assert not Alert.objects.exists()
    assert set(Verdict.objects.values_list("status", flat=True)) >= {"insufficient_data"}


def test_severity_only_rises_while_the_alert_is_open(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    seen = []
    for step, (bad, good) in enumerate([(20, 80), (100, 0), (20, 80)]):
        moment = later(now, 420 * step)
        make_rows(acme, [4000] * bad + [100] * good, timestamp=moment)
        evaluation.evaluate(moment)
        seen.append(Alert.objects.get().severity)
    assert seen == ["medium", "critical", "critical"]
    (event,) = AlertEvent.objects.filter(kind=AlertEvent.Kind.ESCALATED)
    assert event.note.startswith(
        "From medium to critical: bad events at 20.0 times the allowed share (severity table, row "
    )


def test_the_timeline_begins_with_the_opening(
    acme: Client, make_rows: MakeRows, now: datetime
) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    event = AlertEvent.objects.get()
    assert (event.kind, event.actor, event.to_status) == ("opened", None, "firing")
    assert event.note == event.alert.alert_message


def test_the_verdicts_are_kept(acme: Client, make_rows: MakeRows, now: datetime) -> None:
    make_rows(acme, [4000] * 5, timestamp=now)
    evaluation.evaluate(now)
    verdicts = dict(Verdict.objects.filter(client=acme).values_list("objective", "status"))
    assert verdicts == {
        "sla:simple_queries:latency": "breach",
        "sla:simple_queries:availability": "ok",
        "limit:cognitive_core:query_timeout": "ok",
    }
