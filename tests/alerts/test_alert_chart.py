"""The alert's chart: the figures of the roll-ups, the promise, and what happened around it."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client, User
from alerts.admin import chart, chart_svg
from alerts.models import Alert, Incident
from metrics import rollups
from metrics.models import Deployment, PerformanceBaseline

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]
METRIC = "conversational_query_response_time"


@pytest.fixture
def now() -> datetime:
    """The middle of a minute."""
    return timezone.now().replace(second=30, microsecond=0)


def evidence(kind: str, now: datetime, **rule: Any) -> dict[str, Any]:
    """As far as the chart reads it."""
    window = {"start": (now - timedelta(minutes=5)).isoformat(), "end": now.isoformat()}
    selection = {"measurement_unit": "ms", "query_complexity": "simple"}
    return {"kind": kind, "window": window, "rule": rule, "selection": selection}


def values(found: chart.Chart) -> dict[str, list[float]]:
    """What was measured, line by line."""
    return {line.name: [v for v in line.values if v is not None] for line in found.lines}


def test_it_draws_the_figures_of_the_promise(
    make_alert: MakeAlert,
    make_user: MakeUser,
    make_rows: Any,
    acme: Client,
    globex: Client,
    now: Any,
) -> None:
    minute = now - timedelta(minutes=3)
    make_rows(acme, [100.0, 200.0, 4000.0], timestamp=minute)
    make_rows(acme, [50.0], timestamp=minute, query_complexity="complex")
    make_rows(globex, [9.0], timestamp=minute)
    rollups.roll_up_all()
    alert = make_alert(unit="ms", evidence=evidence("latency", now, share=95.0, good_within=3000))
    found = chart.of(alert, make_user(), now)
    assert found.title == f"p95 of {METRIC}"
    assert values(found) == {
        "p95": [pytest.approx(4000, rel=0.011)],
        "Median": [pytest.approx(200, rel=0.011)],
    }
    at = found.times[[v is not None for v in found.lines[0].values].index(True)]
    assert at == minute.replace(second=0).timestamp()
    assert found.target is not None
    assert found.target.value == 3000


def test_availability_is_a_share_and_silence_a_gap(
    make_alert: MakeAlert, make_user: MakeUser, make_rows: Any, acme: Client, now: Any
) -> None:
    make_rows(acme, [10.0] * 3, timestamp=now - timedelta(minutes=2))
    make_rows(acme, [10.0], timestamp=now - timedelta(minutes=2), success=False)
    rollups.roll_up_all()
    alert = make_alert(
        unit="percent",
        threshold_value=99.5,
        evidence=evidence("availability", now, share=99.5, good_within=6000),
    )
    found = chart.of(alert, make_user(), now)
    assert values(found) == {"Successful": [75.0]}
    assert found.target is not None
    assert found.target.value == 99.5
    assert None in found.lines[0].values


def test_it_compares_with_the_clients_own_baseline(
    make_alert: MakeAlert, make_user: MakeUser, acme: Client, now: Any
) -> None:
    common = {
        "metric_name": METRIC,
        "metric_category": "ai_query",
        "measurement_unit": "ms",
        "component": "cognitive_core",
    }
    PerformanceBaseline.objects.create(baseline_value=1000, **common)
    PerformanceBaseline.objects.create(baseline_value=900, client=acme, **common)
    conditions = {"query_complexity": "complex"}
    PerformanceBaseline.objects.create(
        baseline_value=1, client=acme, test_conditions=conditions, **common
    )
    alert = make_alert(unit="ms", evidence=evidence("latency", now, share=95.0, good_within=3000))
    found = chart.of(alert, make_user(), now)
    assert found.baseline is not None
    assert found.baseline.value == 900


def test_it_marks_deployments_and_other_alerts_that_may_be_seen(
    make_alert: MakeAlert, make_user: MakeUser, acme: Client, globex: Client
) -> None:
    now = timezone.now()
    for client, component in ((None, "cognitive_core"), (globex, "cognitive_core"), (None, "x")):
        Deployment.objects.create(
            component=component, service_name="s", version="2", deployed_at=now, client=client
        )
    incident = Incident.objects.create(title="One cause", component="cognitive_core")
    alert = make_alert(incident=incident)
    near = make_alert()
    make_alert(client=globex)
    make_alert(component="elsewhere")
    together = make_alert(component="elsewhere", incident=incident)
    found = chart.of(alert, make_user(clients=[acme]), now + timedelta(minutes=5))
    names = [mark.name for mark in found.marks]
    assert names[0] == "Deployment: s 2"
    assert {name.partition(" ")[0] for name in names[1:]} == {f"#{near.pk}", f"#{together.pk}"}
    assert len(names) == 3


@pytest.mark.parametrize("span", ["", "6h", "1d", "7d", "nonsense"])
def test_its_size_is_bounded_however_old_the_alert(
    make_alert: MakeAlert, make_user: MakeUser, span: str
) -> None:
    alert = make_alert(created_at=timezone.now() - timedelta(days=90))
    found = chart.of(alert, make_user(), timezone.now(), span)
    assert found.is_empty
    assert 1 < len(found.times) <= 301
    assert ET.fromstring(chart_svg.draw(found)).tag  # noqa: S314  # our own


def test_the_picture_is_well_formed_and_escapes_names(
    make_alert: MakeAlert, make_user: MakeUser, make_rows: Any, acme: Client, now: Any
) -> None:
    make_rows(acme, [100.0, 900.0], timestamp=now - timedelta(minutes=1), metric_name="a<b>&")
    rollups.roll_up_all()
    alert = make_alert(metric_name="a<b>&", unit="ms")
    drawn = chart_svg.draw(chart.of(alert, make_user(), now))
    root = ET.fromstring(drawn)  # noqa: S314
    assert root[0].text == "p95 of a<b>&"
    assert any(
        "M" in (path.get("d") or "") for path in root.iter("{http://www.w3.org/2000/svg}path")
    )
